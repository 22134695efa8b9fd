import { HostError } from '../errors.ts';
import type { ProcessMark } from '../moves/record.ts';
import type { Engine } from './engine.ts';
import type { Notes } from './notes.ts';
import type { VmPort, VmProcess, VmProcessEnd, VmProcessEvent } from './ports.ts';
import type { VmRecord, VmRegistry } from './vm-registry.ts';

export interface VmProcessesContext {
  readonly engine: () => Engine;
  readonly port: VmPort;
  readonly vms: VmRegistry;
  readonly notes: Notes;
  /** Its mark is to be on the disk before the process does anything. */
  readonly noteProcess: (name: string, mark: ProcessMark) => void;
  /** Something about it changed that the machine has nothing to do with. */
  readonly vmChanged: (name: string) => void;
  readonly log: (vm: string, text: string) => void;
}

/** Of texts that may come from the guest. */
const longestName = 200;
const longestDetail = 2000;

/** The manager's connections to VM processes: what it tells them, and what they say by themselves. */
export class VmProcesses {
  readonly #context: VmProcessesContext;
  readonly #ends = new Map<string, VmProcessEnd>();
  readonly #silence = new Set<() => void>();

  constructor(context: VmProcessesContext) {
    this.#context = context;
  }

  /** How the VM's process ended; told once. */
  takeEnd(name: string): VmProcessEnd | undefined {
    const end = this.#ends.get(name);
    this.#ends.delete(name);
    return end;
  }

  start(name: string): void {
    const { port, vms, notes, noteProcess } = this.#context;
    const record = vms.get(name);
    if (record === undefined) return;
    port
      .start(name, record.spec, (mark) => {
        record.process = mark;
        noteProcess(name, mark);
      })
      .then(
        (link) => {
          this.attach(record, link);
          const phase = this.#engine.table.vm(name)?.phase;
          if (phase === 'killing' || phase === 'unkillable' || phase === undefined) link.kill();
          else if (phase === 'stopping') this.stop(name);
          else this.#engine.tell({ kind: 'vm-started', vm: name });
        },
        (error: unknown) => {
          notes.problem(vmKey(name), error);
          this.#engine.tell({ kind: 'vm-ended', vm: name });
        },
      );
  }

  /** A process that an earlier manager started. */
  attach(record: VmRecord, link: VmProcess): void {
    const { name } = record;
    record.link = link;
    record.process = link.mark;
    const stop = link.listen((event) => this.#said(record, event));
    this.#silence.add(stop);
    link.followTrace(record.traceWatchers.size > 0);
    void link.ended.then((end) => {
      stop();
      this.#silence.delete(stop);
      record.link = undefined;
      this.#ends.set(name, end);
      this.#engine.tell({ kind: 'vm-ended', vm: name });
    });
  }

  stop(name: string): void {
    const { vms, notes } = this.#context;
    // One that is only just starting is told when there is a connection.
    vms
      .get(name)
      ?.link?.stop()
      .catch((error: unknown) => notes.problem(vmKey(name), error));
  }

  kill(name: string): void {
    this.#context.vms.get(name)?.link?.kill();
  }

  close(): void {
    for (const stop of this.#silence) stop();
    this.#silence.clear();
  }

  #said(record: VmRecord, event: VmProcessEvent): void {
    const { notes, vmChanged, log } = this.#context;
    const vm = record.name;
    switch (event.kind) {
      case 'ejected':
        return this.#engine.tell({ kind: 'let-go', vm, function: event.function });
      case 'release-requested':
        return this.#engine.tell({ kind: 'wanted-now', vm, function: event.function });
      case 'function-failed': {
        const fn = this.#engine.table.fn(event.function);
        if (fn !== undefined && 'vm' in fn.owner && fn.owner.vm === vm) notes.problem(fn.name, failed(vm, event));
        return this.#engine.tell({ kind: 'wanted-now', vm, function: event.function });
      }
      case 'crashed':
        record.crash = event.report;
        vmChanged(vm);
        return this.#engine.tell({ kind: 'guest-dead', vm });
      case 'guest-ended':
        record.guestEnd = { how: event.how.slice(0, longestName), detail: event.detail.slice(0, longestDetail) };
        return this.#engine.tell({ kind: 'guest-dead', vm });
      case 'guest-os':
        record.guestOs = event.name.slice(0, longestName);
        return vmChanged(vm);
      case 'console':
        for (const watch of record.consoleWatchers) watch(event.bytes);
        return;
      case 'trace':
        for (const watch of record.traceWatchers) watch(event);
        return;
      case 'log':
        return log(vm, event.text);
    }
  }

  get #engine(): Engine {
    return this.#context.engine();
  }
}

/** Problems of VMs stand beside those of functions. */
export function vmKey(name: string): string {
  return `vm ${name}`;
}

function failed(vm: string, { function: name, reason }: VmProcessEvent & { kind: 'function-failed' }): HostError {
  return new HostError('lend-refused', {
    asked: `keep ${name} with ${vm}`,
    obstacle: `the device reported an error: ${reason.slice(0, longestName)}.`,
    remedy: 'It was taken from the VM and reset; dmesg may say more.',
    details: { function: name, vm },
  });
}
