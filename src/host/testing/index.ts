export { fakeHost } from './fake-host.ts';
export type { FakeHost } from './fake-host.ts';
export type { FakeKernel, Sabotage } from './fake-kernel.ts';
export type { FunctionDescription, HostDescription, ProcessDescription } from './description.ts';
export { MemoryTree } from './memory-tree.ts';
export { nvmeHost } from './hosts.ts';
export { cardHost, nvmeSriovHost } from './sriov-hosts.ts';
export { FakeVm, listenForControl } from './fake-vm.ts';
