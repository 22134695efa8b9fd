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

/** @returns what of the function the process has open. */
export function functionDescriptors(pid: number): string[] {
  const found: string[] = [];
  for (const fd of readdirSync(`/proc/${pid}/fd`)) {
    try {
      const target = readlinkSync(`/proc/${pid}/fd/${fd}`);
      if (isOfFunction(target)) found.push(target);
    } catch (error) {
      // Closed between the two calls.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  return found;
}

/** @returns when the process had nothing of the function open any more, by `performance.now()`. */
export async function descriptorsClosed(pid: number, timeoutMs: number): Promise<number> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const open = functionDescriptors(pid);
    const now = performance.now();
    if (open.length === 0) return now;
    if (now > deadline) throw new Error(`After ${timeoutMs} ms it still had open: ${open.join(', ')}.`);
    await delay(POLL_MS);
  }
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

const field = (text: string, name: string): number => Number(new RegExp(`^${name}: +(\\d+) kB`, 'm').exec(text)?.[1] ?? 0);
