import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';

const TRACING = '/sys/kernel/tracing';
/** Of the first serial port, by which the guest tells that the device is there: not part of the work. */
const SERIAL_PORTS = 'port >= 0x3f8 && port <= 0x3ff';
const TRIGGERS = [
  { event: 'kvm_userspace_exit', trigger: 'hist:keys=common_pid,reason:size=1024' },
  { event: 'kvm_pio', trigger: `hist:keys=common_pid:size=1024 if ${SERIAL_PORTS}` },
] as const;

/** Exits to user space so far, of some threads. */
export interface ExitsSeen {
  /** All of them, without those of the serial port. */
  readonly exits: number;
  readonly serialExits: number;
  /** By KVM_EXIT_ reason (Linux include/uapi/linux/kvm.h); negative: left for a signal. */
  readonly byReason: Readonly<Record<string, number>>;
}

/** Counts KVM's exits to user space in the kernel's own tracing, the same for every VMM. */
export class ExitTrace implements Disposable {
  readonly #directory: string;

  constructor(name: string) {
    this.#directory = `${TRACING}/instances/${name}`;
    mkdirSync(this.#directory);
    for (const { event, trigger } of TRIGGERS) writeFileSync(this.#fileOf(event, 'trigger'), trigger);
  }

  count(threads: readonly number[]): ExitsSeen {
    const mine = new Set(threads);
    const byReason: Record<string, number> = {};
    let all = 0;
    for (const { thread, reason, hits } of this.#histogram('kvm_userspace_exit')) {
      if (!mine.has(thread)) continue;
      byReason[reason] = (byReason[reason] ?? 0) + hits;
      all += hits;
    }
    const serialExits = this.#histogram('kvm_pio')
      .filter(({ thread }) => mine.has(thread))
      .reduce((sum, { hits }) => sum + hits, 0);
    return { exits: all - serialExits, serialExits, byReason };
  }

  #histogram(event: string): { thread: number; reason: string; hits: number }[] {
    const lines = readFileSync(this.#fileOf(event, 'hist'), 'utf8').matchAll(
      /^\{ common_pid: +(\d+)(?:, reason: +(\d+))? +\} hitcount: +(\d+)/gm,
    );
    return [...lines].map(([, thread, reason = '', hits]) => ({ thread: Number(thread), reason, hits: Number(hits) }));
  }

  [Symbol.dispose](): void {
    for (const { event, trigger } of TRIGGERS) writeFileSync(this.#fileOf(event, 'trigger'), `!${trigger}`);
    rmdirSync(this.#directory);
  }

  #fileOf(event: string, file: string): string {
    return `${this.#directory}/events/kvm/${event}/${file}`;
  }
}

/** What came between two counts. */
export function exitsBetween(before: ExitsSeen, after: ExitsSeen): ExitsSeen {
  const reasons = Object.entries(after.byReason).map(([reason, hits]) => [
    reason,
    hits - (before.byReason[reason] ?? 0),
  ]);
  return {
    exits: after.exits - before.exits,
    serialExits: after.serialExits - before.serialExits,
    byReason: Object.fromEntries(reasons.filter(([, hits]) => hits !== 0)) as Record<string, number>,
  };
}
