/** What /proc tells of a VMM's process; the same for both sides. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 5;
const KIB_IN_MIB = 1024;

/** Its threads' ids, as tracing counts them. */
export const threadsOf = (pid: number): number[] => readdirSync(`/proc/${pid}/task`).map(Number);

/** The device itself, its VFIO group or its device node; not the container, which reaches no device. */
const isOfFunction = (target: string): boolean =>
  target.includes('[vfio-device]') || /^\/dev\/vfio\/(?:\d+|devices\/.*)$/.test(target);

/** What a descriptor of a process leads to; undefined: it has no such descriptor. */
function targetOf(pid: number, fd: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/fd/${fd}`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

const openOfFunction = (pid: number, fds: readonly string[]): string[] =>
  fds.filter((fd) => isOfFunction(targetOf(pid, fd) ?? ''));

/** @returns the descriptors of the process through which it holds the function. */
export function functionDescriptors(pid: number): string[] {
  const fds = openOfFunction(pid, readdirSync(`/proc/${pid}/fd`));
  if (fds.length === 0) throw new Error('The VMM has nothing of the function open, and yet lends it.');
  return fds;
}

/** @returns when all of `fds` were closed, by `performance.now()`. */
export async function descriptorsClosed(pid: number, fds: readonly string[], timeoutMs: number): Promise<number> {
  const deadline = performance.now() + timeoutMs;
  while (openOfFunction(pid, fds).length > 0) {
    if (performance.now() > deadline) throw new Error(`After ${timeoutMs} ms the VMM still had the function open.`);
    await delay(POLL_MS);
  }
  return performance.now();
}

/**
 * Resident memory beyond the guest's RAM, in MiB: all of the process's pages without those of the mapping that is the
 * RAM. Pages of programs and libraries count in full even where others share them: how many do would change the result.
 */
export function memoryBeyondGuestMib(pid: number, guestMib: number): number {
  const mappings = readFileSync(`/proc/${pid}/smaps`, 'utf8')
    .split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m)
    .map((text) => ({ sizeKib: field(text, 'Size'), residentKib: field(text, 'Rss') }));
  const guestKib = guestMib * KIB_IN_MIB;
  // A device may reach all of the RAM, so all of it is resident, but for a hole below 1 MiB; nothing else is that large.
  const ram = mappings.filter(({ sizeKib, residentKib }) => sizeKib >= guestKib && residentKib >= guestKib * 0.9);
  const [only] = ram;
  if (only === undefined || ram.length > 1) {
    throw new Error(`${ram.length} of its mappings look like the guest's ${guestMib} MiB of RAM.`);
  }
  const totalKib = mappings.reduce((sum, { residentKib }) => sum + residentKib, 0);
  return (totalKib - only.residentKib) / KIB_IN_MIB;
}

const field = (text: string, name: string): number =>
  Number(new RegExp(`^${name}: +(\\d+) kB`, 'm').exec(text)?.[1] ?? 0);
