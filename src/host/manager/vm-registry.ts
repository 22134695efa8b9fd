import type { JournalledVm } from '../journal/journal.ts';
import type { TraceChunk } from '../../trace/index.ts';
import type { ProcessMark } from '../moves/record.ts';
import type { VmState } from '../ownership/owner.ts';
import type { GuestEnd, VmProcess, VmSpec } from './ports.ts';

/** What is known of a VM beyond how its process stands. */
export interface VmRecord {
  readonly name: string;
  readonly spec: VmSpec;
  readonly createdAt: string;
  process: ProcessMark | undefined;
  lendings: number;
  /** Undefined until there is a connection to it. */
  link: VmProcess | undefined;
  guestOs: string | undefined;
  crash: unknown;
  guestEnd: GuestEnd | undefined;
  readonly consoleWatchers: Set<(bytes: Uint8Array) => void>;
  readonly traceWatchers: Set<(chunk: TraceChunk) => void>;
}

export class VmRegistry {
  readonly #records = new Map<string, VmRecord>();

  add(name: string, spec: VmSpec, createdAt: string, process?: ProcessMark, lendings = 0): VmRecord {
    const record: VmRecord = {
      name,
      spec,
      createdAt,
      process,
      lendings,
      link: undefined,
      guestOs: undefined,
      crash: undefined,
      guestEnd: undefined,
      consoleWatchers: new Set(),
      traceWatchers: new Set(),
    };
    this.#records.set(name, record);
    return record;
  }

  get(name: string): VmRecord | undefined {
    return this.#records.get(name);
  }

  remove(name: string): void {
    this.#records.delete(name);
  }

  /** As the journal keeps it. */
  row(state: VmState): JournalledVm | undefined {
    const record = this.#records.get(state.name);
    if (record === undefined) return undefined;
    const { spec, process, createdAt, lendings } = record;
    return { state, spec, process, createdAt, lendings };
  }
}
