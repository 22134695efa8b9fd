import { AdminOpcode } from '../../src/functions/software-nvme/command.ts';
import type { HostileDma } from '../doubles/hostile-dma.ts';
import type { Probe } from '../engine/probe.ts';
import { completionPage, QUEUE_ENTRIES, submissionPage } from './nvme-commands.ts';

const PAGE_BYTES = 4096;
const QUEUES = [0, 1, 2, 3, 4] as const;
const COMMAND_BYTES = 64;
const COMPLETION_BYTES = 16;
const NUMBER_OF_QUEUES = 7;

/** A command as it was when it was fetched. */
interface Fetched {
  readonly commandId: number;
  readonly opcode: number;
  readonly cdw10: number;
}

/** A completion queue, from what was written into it. */
interface CompletionRing {
  written: number;
  /** Entries that the guest has taken, or may have. */
  taken: number;
}

/**
 * Watches a controller from its guest's memory: each completion must answer a command that was fetched and not answered
 * before, by the id that the command had **when it was fetched**, in the next place of a queue that has room. And while it may not
 * write, it must not.
 */
export class NvmeWitness {
  mayWrite = false;
  readonly #memory: HostileDma;
  readonly #probe: Probe;
  #compares: boolean;
  /** By queue: commands that are to be answered. */
  #fetched = new Map<number, Fetched[]>();
  #rings = new Map<number, CompletionRing>();
  #submissionQueues = new Set<number>();
  #status = new Map<number, number>();
  #knowsQueues = true;
  #shadows = false;

  /** `compares`: queues lie where they belong, and nothing else does. */
  constructor(memory: HostileDma, probe: Probe, compares: boolean) {
    this.#memory = memory;
    this.#probe = probe;
    this.#compares = compares;
    memory.watcher = {
      read: (gpa, bytes) => this.#read(gpa, bytes),
      wrote: (gpa, sizeBytes) => this.#wrote(gpa, sizeBytes),
    };
  }

  /** Queues may be anywhere from now on. */
  stop(): void {
    this.#compares = false;
  }

  /** The controller starts over: what was fetched is never answered. */
  restart(): void {
    this.#fetched.clear();
    this.#rings = new Map([[0, { written: 0, taken: 0 }]]);
    this.#submissionQueues = new Set([0]);
    this.#shadows = false;
    this.#knowsQueues = true;
    this.#status.clear();
  }

  /** The guest takes all completions of a queue; gives its new head. */
  take(queue: number): number {
    const ring = this.#rings.get(queue);
    if (ring === undefined) return 0;
    ring.taken = ring.written;
    return ring.written % QUEUE_ENTRIES;
  }

  /** The guest may have told anything of what it has taken. */
  allTaken(): void {
    for (const ring of this.#rings.values()) ring.taken = Number.POSITIVE_INFINITY;
  }

  /** Of the last completion of a queue's commands. */
  lastStatus(queue: number): number | undefined {
    return this.#status.get(queue);
  }

  #read(gpa: number, bytes: Uint8Array): void {
    if (bytes.length !== COMMAND_BYTES || gpa % COMMAND_BYTES !== 0) return;
    const queue = QUEUES.find((id) => submissionPage(id) === Math.floor(gpa / PAGE_BYTES));
    if (queue === undefined) return;
    const isInside = (gpa % PAGE_BYTES) / COMMAND_BYTES < QUEUE_ENTRIES;
    this.#probe.check(!this.#compares || isInside, 'a command was fetched from behind the end of its queue');
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const command = { commandId: view.getUint16(2, true), opcode: view.getUint8(0), cdw10: view.getUint32(40, true) };
    const fetched = this.#fetched.get(queue);
    if (fetched === undefined) this.#fetched.set(queue, [command]);
    else fetched.push(command);
  }

  #wrote(gpa: number, sizeBytes: number): void {
    this.#probe.check(this.mayWrite, 'guest memory was written while the controller is not to master the bus');
    // The last dword of an entry comes last, by itself.
    if (sizeBytes !== 4 || gpa % COMPLETION_BYTES !== 12) return;
    const page = Math.floor(gpa / PAGE_BYTES);
    const at = QUEUES.find((id) => completionPage(id) === page);
    if (at === undefined) return;
    const view = this.#memory.words;
    const queue = view.getUint16(gpa - 2, true);
    const commandId = view.getUint16(gpa, true);
    const status = (view.getUint16(gpa + 2, true) >>> 1) & 0x7ff;
    this.#status.set(queue, status);
    this.#probe.note(1, status | (queue === 0 ? 0x800 : 0));
    if (!this.#compares) return;
    this.#place(at, ((gpa % PAGE_BYTES) - 12) / COMPLETION_BYTES);
    const open = this.#fetched.get(queue) ?? [];
    const index = open.findIndex((command) => command.commandId === commandId);
    const [command] = index < 0 ? [] : open.splice(index, 1);
    if (command === undefined) {
      return this.#probe.fail(
        `command ${commandId} of queue ${queue} was answered, which nobody sent or which was answered before`,
      );
    }
    if (queue !== 0) return;
    // Of several commands of one id nobody knows which of them this was, nor which queues there are from then on.
    if (open.some((other) => other.commandId === commandId)) this.#knowsQueues = false;
    else if (status === 0) this.#learn(command, view.getUint32(gpa - 12, true));
  }

  /** Completions are put one behind the other, and none over one that the guest hasn't taken. */
  #place(queue: number, place: number): void {
    const ring = this.#rings.get(queue);
    if (ring === undefined) {
      if (this.#knowsQueues) this.#probe.fail(`a completion in queue ${queue}, which nobody created`);
      return;
    }
    if (!this.#knowsQueues) return;
    this.#probe.check(place === ring.written % QUEUE_ENTRIES, () => `a completion in place ${place} of queue ${queue}`);
    if (ring.taken > ring.written) ring.taken = ring.written;
    ring.written += 1;
    // With doorbells in memory what is there counts, and in whose queue it was before.
    if (this.#shadows) return;
    this.#probe.check(
      ring.written - ring.taken < QUEUE_ENTRIES,
      () => `a completion over another that was not taken from queue ${queue}`,
    );
  }

  #learn({ opcode, cdw10 }: Fetched, result: number): void {
    const id = cdw10 & 0xffff;
    switch (opcode) {
      case AdminOpcode.createCompletionQueue:
        this.#probe.check(!this.#knowsQueues || !this.#rings.has(id), () => `completion queue ${id} was created twice`);
        this.#rings.set(id, { written: 0, taken: 0 });
        return;
      case AdminOpcode.deleteCompletionQueue:
        this.#rings.delete(id);
        return;
      case AdminOpcode.createSubmissionQueue:
        this.#probe.check(
          !this.#knowsQueues || !this.#submissionQueues.has(id),
          () => `submission queue ${id} was created twice`,
        );
        this.#submissionQueues.add(id);
        return;
      case AdminOpcode.deleteSubmissionQueue:
        this.#submissionQueues.delete(id);
        return;
      case AdminOpcode.doorbellBufferConfig:
        this.#shadows = true;
        return;
      case AdminOpcode.setFeatures:
      case AdminOpcode.getFeatures: {
        const isCapability = opcode === AdminOpcode.getFeatures && ((cdw10 >>> 8) & 7) === 3;
        if ((cdw10 & 0xff) !== NUMBER_OF_QUEUES || isCapability) return;
        this.#probe.check((result & 0xffff) < QUEUES.length - 1, () => `${(result & 0xffff) + 1} queues are promised`);
        return;
      }
      default:
    }
  }
}
