/** What a control group keeps all processes in it to, together. */
export interface GroupLimits {
  /** As many processors' time as passes. */
  readonly processors: number;
  /** Of their own and of the kernel's on their account; page cache counts, and is given back first. */
  readonly memoryBytes: number;
  /** Processes and threads. */
  readonly tasks: number;
}

/**
 * How often the processor time is given out anew. Not the usual 100 ms: who has used his up waits for the rest of a period, also in the kernel with a
 * lock that others wait for, and also when he is killed.
 */
export const PERIOD_US = 20_000;

/** The controllers of control groups that these limits take. Linux Documentation/admin-guide/cgroup-v2.rst, "Controllers". */
export const CONTROLLERS = ['cpu', 'memory', 'pids'] as const;
export type Controller = (typeof CONTROLLERS)[number];

export interface LimitFile {
  readonly controller: Controller;
  readonly name: string;
  readonly text: string;
}

/** The files of a group that hold its limits, and what is written to them. Same source, "Interface Files" of each controller. */
export function limitFiles({ processors, memoryBytes, tasks }: GroupLimits): readonly LimitFile[] {
  return [
    { controller: 'cpu', name: 'cpu.max', text: `${Math.round(processors * PERIOD_US)} ${PERIOD_US}` },
    { controller: 'memory', name: 'memory.max', text: String(memoryBytes) },
    { controller: 'pids', name: 'pids.max', text: String(tasks) },
  ];
}
