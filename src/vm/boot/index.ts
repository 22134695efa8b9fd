export { BootError, BootErrorCode } from './boot-error.ts';
export { type CpioEntry, writeCpio } from './cpio.ts';
