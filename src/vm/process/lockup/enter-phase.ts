import { installFilter, SystemCallError } from '../../../linux/index.ts';
import { VmProcessError } from '../vm-process-error.ts';
import { filterFor } from './filter.ts';
import type { Phase } from './phase.ts';

/**
 * From now on all threads of this process, and those to come, may do what the tables allow in `phase`, and nothing else, for ever. What
 * is refused once the guest runs is in the kernel's audit; before that, libc and libuv try newer calls for each thread that is started.
 * Throws VmProcessError `lockup-failed`.
 */
export function enterPhase(phase: Exclude<Phase, 'exec'>): void {
  try {
    installFilter(filterFor(phase, process.pid), { scope: 'process', audit: phase === 'guest' });
  } catch (cause) {
    if (!(cause instanceof SystemCallError)) throw cause;
    throw new VmProcessError(
      'lockup-failed',
      `The process of a VM can not be locked up: ${cause.message}. It needs a kernel with system-call filters (CONFIG_SECCOMP_FILTER), which all distributions' have.`,
      { cause },
    );
  }
}
