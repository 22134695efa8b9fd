import { appendFileSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { Phase } from '../rounds.ts';

const TRACING = '/sys/kernel/tracing';
const GROUP = 'dda_bench';
/** Linux include/uapi/linux/kvm.h and vfio.h. */
const Ioctl = { KVM_CREATE_VM: 0xae01, KVM_RUN: 0xae80, VFIO_IOMMU_MAP_DMA: 0x3b71 } as const;
const EVENTS = [`${GROUP}/open`, `${GROUP}/mapped`, 'syscalls/sys_enter_ioctl'] as const;
const BUFFER_KIB = 16_384;

interface TracedEvent {
  /** By `performance.now()`. */
  readonly at: number;
  /** The path of an open file. */
  readonly opened?: string;
  readonly ioctl?: number;
  /** The kernel is done with an ioctl of a VFIO container. */
  readonly mapped?: boolean;
}

/**
 * What a VMM's start and hot-add take their time for, as the kernel sees it: the files it opens and the ioctls it makes. It
 * takes time itself, so rounds that are compared go without it.
 */
export class PhaseTrace implements Disposable {
  readonly #instance = `${TRACING}/instances/${GROUP}-phases`;
  /** Of the kernel's monotonic clock, in milliseconds, at `performance.now()` = 0. */
  readonly #clockStart = Number(process.hrtime.bigint()) / 1e6 - performance.now();
  readonly #program: string;
  readonly #kernel: string;

  /** Follows the processes that this one starts from now on. */
  constructor(files: { readonly program: string; readonly kernel: string }) {
    this.#program = files.program;
    this.#kernel = files.kernel;
    appendFileSync(`${TRACING}/kprobe_events`, `p:${GROUP}/open do_sys_openat2 name=+0(%si):ustring\n`);
    appendFileSync(`${TRACING}/kprobe_events`, `r:${GROUP}/mapped vfio_iommu_type1:vfio_iommu_type1_ioctl\n`);
    mkdirSync(this.#instance);
    this.#write('buffer_size_kb', String(BUFFER_KIB));
    this.#write('trace_clock', 'mono');
    this.#write('options/event-fork', '1');
    this.#write('set_event_pid', String(process.pid));
    const names = [`*/${basename(files.program)}`, `*/${basename(files.kernel)}`, '/dev/vfio/*'];
    this.#write(`events/${GROUP}/open/filter`, names.map((name) => `name ~ "${name}"`).join(' || '));
    this.#write(
      'events/syscalls/sys_enter_ioctl/filter',
      Object.values(Ioctl)
        .map((command) => `cmd == ${command}`)
        .join(' || '),
    );
    for (const event of EVENTS) this.#write(`events/${event}/enable`, '1');
  }

  bootPhases(startedAt: number, up: number): Phase[] {
    const events = this.#events().filter(({ at }) => at >= startedAt);
    const when = (wanted: (event: TracedEvent) => boolean): number | undefined => events.find(wanted)?.at;
    return phasesBetween(startedAt, [
      ['program starts', when(({ opened }) => opened === this.#program)],
      ['its parts loaded, host looked at', when(({ opened }) => opened === this.#kernel)],
      ['VM created', when(({ ioctl }) => ioctl === Ioctl.KVM_CREATE_VM)],
      ['machine made', when(({ ioctl }) => ioctl === Ioctl.KVM_RUN)],
      ['guest starts', up],
    ]);
  }

  hotAddPhases(askedAt: number, there: number): Phase[] {
    const events = this.#events().filter(({ at }) => at >= askedAt && at <= there);
    const opened = events.find((event) => /^\/dev\/vfio\/(?:\d|devices)/.test(event.opened ?? ''))?.at;
    let pinnedMs = 0;
    let mapStart: number | undefined;
    for (const { at, ioctl, mapped } of events) {
      if (ioctl === Ioctl.VFIO_IOMMU_MAP_DMA) mapStart = at;
      if (mapped === true && mapStart !== undefined) {
        pinnedMs += at - mapStart;
        mapStart = undefined;
      }
    }
    const untilOpened = (opened ?? askedAt) - askedAt;
    return [
      { name: 'asked, checked, opened', ms: untilOpened },
      { name: "guest's RAM pinned", ms: pinnedMs },
      { name: 'the rest: reset, offered, found, started', ms: there - askedAt - untilOpened - pinnedMs },
    ];
  }

  #events(): TracedEvent[] {
    const lines = readFileSync(`${this.#instance}/trace`, 'utf8').matchAll(
      / (\d+\.\d+): (open|mapped|sys_ioctl)(.*)$/gm,
    );
    return [...lines].map(([, seconds, name, rest = '']) => {
      const at = Number(seconds) * 1000 - this.#clockStart;
      if (name === 'open') return { at, opened: /name="(.*)"/.exec(rest)?.[1] ?? '' };
      if (name === 'mapped') return { at, mapped: true };
      return { at, ioctl: Number.parseInt(/cmd: ([0-9a-f]+)/.exec(rest)?.[1] ?? '', 16) };
    });
  }

  [Symbol.dispose](): void {
    rmdirSync(this.#instance);
    for (const name of ['open', 'mapped']) appendFileSync(`${TRACING}/kprobe_events`, `-:${GROUP}/${name}\n`);
  }

  #write(file: string, text: string): void {
    writeFileSync(`${this.#instance}/${file}`, text);
  }
}

/** Each phase ends at its moment; one whose moment isn't known, or lies before the last, goes to the next. */
function phasesBetween(start: number, ends: readonly (readonly [string, number | undefined])[]): Phase[] {
  let last = start;
  return ends.flatMap(([name, at]) => {
    if (at === undefined || at < last) return [];
    const phase = { name, ms: at - last };
    last = at;
    return [phase];
  });
}
