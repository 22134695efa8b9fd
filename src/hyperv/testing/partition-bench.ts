import type { CrashReport } from '../crash.ts';
import type { GuestOs } from '../guest-os.ts';
import { HypercallStatus } from '../hypercall-status.ts';
import { Partition, type PartitionOptions } from '../partition.ts';
import type { PartitionPort } from '../partition-port.ts';
import type { RetargetRequest } from '../retarget-interrupt.ts';
import { PlainGuestMemory } from './plain-guest-memory.ts';

type PortEvent =
  | {
      readonly call: 'postMessage';
      readonly connectionId: number;
      readonly messageType: number;
      readonly payload: Uint8Array;
    }
  | { readonly call: 'signalEvent'; readonly connectionId: number; readonly flag: number }
  | { readonly call: 'retargetInterrupt'; readonly request: RetargetRequest }
  | { readonly call: 'assertInterrupt'; readonly vp: number; readonly vector: number }
  | { readonly call: 'assistPageChanged'; readonly vp: number; readonly gpa: bigint | undefined }
  | { readonly call: 'crashed'; readonly report: CrashReport }
  | { readonly call: 'guestOsChanged'; readonly guestOs: GuestOs | undefined };

/** A partition with 16 MiB of RAM whose port writes down what it is asked, and answers hypercalls with `answer`. */
export class PartitionBench implements PartitionPort {
  readonly memory: PlainGuestMemory;
  readonly partition: Partition;
  readonly #events: PortEvent[] = [];
  answer: HypercallStatus = HypercallStatus.SUCCESS;
  nowNs = 0n;

  constructor(
    options: Partial<Omit<PartitionOptions, 'port' | 'memory'>> & { readonly memory?: PlainGuestMemory } = {},
  ) {
    this.memory = options.memory ?? new PlainGuestMemory();
    this.partition = new Partition({
      vpCount: 2,
      tscHz: 2_500_000_000,
      apicHz: 1_000_000_000,
      tscInvariant: true,
      lazyEoi: false,
      ...options,
      memory: this.memory,
      port: this,
    });
  }

  /** What has come in since the last time. */
  takeEvents(): PortEvent[] {
    return this.#events.splice(0);
  }

  postMessage(connectionId: number, messageType: number, payload: Uint8Array): HypercallStatus {
    this.#events.push({ call: 'postMessage', connectionId, messageType, payload });
    return this.answer;
  }

  signalEvent(connectionId: number, flag: number): HypercallStatus {
    this.#events.push({ call: 'signalEvent', connectionId, flag });
    return this.answer;
  }

  retargetInterrupt(request: RetargetRequest): HypercallStatus {
    this.#events.push({ call: 'retargetInterrupt', request });
    return this.answer;
  }

  assertInterrupt(vp: number, vector: number): void {
    this.#events.push({ call: 'assertInterrupt', vp, vector });
  }

  assistPageChanged(vp: number, gpa: bigint | undefined): void {
    this.#events.push({ call: 'assistPageChanged', vp, gpa });
  }

  crashed(report: CrashReport): void {
    this.#events.push({ call: 'crashed', report });
  }

  guestOsChanged(guestOs: GuestOs | undefined): void {
    this.#events.push({ call: 'guestOsChanged', guestOs });
  }

  elapsedNs(): bigint {
    return this.nowNs;
  }
}

/** Bytes from hexadecimal text; spaces are for the reader. */
export function hex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ''), 'hex'));
}
