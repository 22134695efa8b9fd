import { type Call, SystemCall, userProgram } from './user-program.ts';

/** Linux, include/uapi/asm-generic/fcntl.h. */
const READ_ONLY = 0;

/** Linux, include/uapi/linux/kexec.h and reboot.h. */
const ON_CRASH = 2;
const REBOOT_MAGIC = [0xfee1_dead, 0x2812_1969] as const;
const REBOOT_KEXEC = 0x4558_4543;

export interface NextKernel {
  readonly kernel: string;
  readonly initrd: string;
  readonly commandLine: string;
}

const load = ({ kernel, initrd, commandLine }: NextKernel, flags: number): Call[] => [
  { number: SystemCall.open, args: [{ text: kernel }, READ_ONLY] },
  { number: SystemCall.open, args: [{ text: initrd }, READ_ONLY] },
  {
    number: SystemCall.kexecFileLoad,
    args: [{ resultOf: 0 }, { resultOf: 1 }, Buffer.byteLength(commandLine) + 1, { text: commandLine }, flags],
  },
];

/** Starts another kernel in the place of the running one. */
export const kexecNow = (next: NextKernel): Uint8Array =>
  userProgram([...load(next, 0), { number: SystemCall.reboot, args: [...REBOOT_MAGIC, REBOOT_KEXEC] }]);

/** Makes another kernel ready for when the running one panics. */
export const kexecOnCrash = (next: NextKernel): Uint8Array => userProgram(load(next, ON_CRASH));
