export type { OutputStream, RigCommand } from './agent-client.ts';
export { type RigOptions, bootRig } from './boot-rig.ts';
export { KERNEL_SERIES, type KernelSeries, type UnpackedKernel, unpackedKernel } from './kernels.ts';
export { REPOSITORY, cacheDirectory } from './paths.ts';
export type { Accelerator, RigDevice } from './qemu-arguments.ts';
export type { Rig, RunOptions, RunResult, StartOptions } from './rig.ts';
export { RigError, RigErrorCode } from './rig-error.ts';
