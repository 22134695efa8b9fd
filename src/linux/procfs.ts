import { readdirSync, readFileSync } from 'node:fs';
import { asSystemCallError } from './libc/system-call-error.ts';

/** Some lines of /proc/PID/status. Sizes in bytes. */
export interface ProcessStatus {
  readonly name: string;
  /** `R`, `S`, `D` (uninterruptible: stuck in the kernel), `T` (stopped by a signal), `Z` (ended, not yet waited for), … */
  readonly state: string;
  readonly parentId: number;
  /** The real user id. */
  readonly userId: number;
  /** Supplementary groups. */
  readonly groups: readonly number[];
  /** Bit n: capability n of Linux include/uapi/linux/capability.h is in force. */
  readonly effectiveCapabilities: bigint;
  readonly noNewPrivileges: boolean;
  readonly threads: number;
  readonly residentBytes: number;
  /** Memory pinned by this process counts here, or in {@link lockedBytes} on older kernels. */
  readonly pinnedBytes: number;
  readonly lockedBytes: number;
}

/** Status of a process; undefined where there is none with this id. */
export function readProcessStatus(processId: number | 'self'): ProcessStatus | undefined {
  const path = `/proc/${processId}/status`;
  try {
    return parseProcessStatus(readFileSync(path, 'latin1'));
  } catch (error) {
    if (isGone(error)) return undefined;
    throw asSystemCallError(error, path);
  }
}

/** Linux Documentation/filesystems/proc.rst, table 1-2. A kernel thread has no Vm lines: 0. */
export function parseProcessStatus(text: string): ProcessStatus {
  const values = new Map<string, string>();
  for (const line of text.split('\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) values.set(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  const number = (key: string): number => Number.parseInt(values.get(key) ?? '0', 10);
  return {
    name: values.get('Name') ?? '',
    state: values.get('State')?.charAt(0) ?? '',
    parentId: number('PPid'),
    userId: number('Uid'),
    groups: (values.get('Groups') ?? '')
      .split(' ')
      .filter((id) => id !== '')
      .map(Number),
    effectiveCapabilities: BigInt(`0x${values.get('CapEff') ?? '0'}`),
    noNewPrivileges: number('NoNewPrivs') === 1,
    threads: number('Threads'),
    residentBytes: number('VmRSS') * 1024,
    pinnedBytes: number('VmPin') * 1024,
    lockedBytes: number('VmLck') * 1024,
  };
}

/** The words that a process was started with; undefined where there is none with this id, empty for one of the kernel's own. */
export function readCommandLine(processId: number): readonly string[] | undefined {
  const path = `/proc/${processId}/cmdline`;
  try {
    return readFileSync(path, 'utf8').split('\0').slice(0, -1);
  } catch (error) {
    if (isGone(error)) return undefined;
    throw asSystemCallError(error, path);
  }
}

/** How many descriptors a process has open; undefined where there is no such process. */
export function countOpenFiles(processId: number | 'self' = 'self'): number | undefined {
  const path = `/proc/${processId}/fd`;
  try {
    // Reading one's own directory opens it: that descriptor is listed too, and is gone afterwards.
    const own = processId === 'self' || processId === process.pid ? 1 : 0;
    return readdirSync(path).length - own;
  } catch (error) {
    if (isGone(error)) return undefined;
    throw asSystemCallError(error, path);
  }
}

function isGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH');
}
