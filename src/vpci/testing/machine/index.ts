/** A machine without a hypervisor for tests of front ends. */
export { ModelMachine } from './model-machine.ts';
export { lentNvme } from './lend-nvme.ts';
