/** Guests of a vPCI bus, in Linux's way and in Windows'. See README.md. */
export { DriverFailure } from './function-driver.ts';
export type { BarAccess, FunctionDriver, FunctionServices, RunningFunction, StopReason } from './function-driver.ts';
export type { DmaBuffer, GuestPlatform, MmioRequest, RetargetCall, VectorTarget } from './guest-platform.ts';
export { GuestThreads, Mutex, WorkQueue } from './guest-threads.ts';
export type { Steps, Wait, WaitEnd } from './guest-threads.ts';
export { LinuxBus, PciDomains } from './linux/index.ts';
export type { LinuxBusOptions, LinuxBusState } from './linux/index.ts';
export { NvmeController, NvmeDriver } from './nvme/index.ts';
export { PnpManager } from './windows/index.ts';
export type { PnpManagerOptions } from './windows/index.ts';
