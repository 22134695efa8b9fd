import { ioctlRaw } from '../libc/ioctl.ts';
import { KvmIoctl } from './kvm-ioctls.ts';

/** −errno of a run that was kicked (EINTR): serve the kick, then run again. */
export const runInterrupted = -4;
/** −errno of a run in which a waiting application processor was woken (EAGAIN): run again. */
export const runAgain = -11;

const runNumber = KvmIoctl.run.number;

/**
 * Runs vCPU `fd` on this thread until it exits: 0 and an exit reason in the run page, or −errno
 * ({@link runInterrupted}, {@link runAgain}; −EFAULT: the guest touched memory that its slot can't give, such as a BAR
 * with memory decoding off). Any thread of the process that created the VM may call it, one at a time. May block for ever:
 * get it out with {@link VcpuKicker}. Allocates nothing.
 */
export function runVcpu(fd: number): number {
  return ioctlRaw(fd, runNumber, 0);
}
