/** A vPCI bus as Windows runs it: a bus driver in place of the PCI driver. See README.md. */
export { BusNode } from './bus-node.ts';
export type { BusNodeOptions } from './bus-node.ts';
export type { BusInterface } from './bus-interface.ts';
export { FunctionNode } from './function-node.ts';
export type { NodeState } from './function-node.ts';
export { FunctionStack } from './function-stack.ts';
export type * from './bus-irp.ts';
export type * from './irp.ts';
export { PnpManager } from './pnp-manager.ts';
export type { PnpManagerOptions } from './pnp-manager.ts';
