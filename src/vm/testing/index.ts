export { VmProcessError } from '../process/vm-process-error.ts';
export { ServedVmBench } from './served-vm.ts';
export { tinyBzImage } from '../boot/testing/tiny-bzimage.ts';
export { LendingBench } from './lent-function.ts';
