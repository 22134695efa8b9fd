import assert from 'node:assert/strict';
import { AdminOpcode } from '../command.ts';
import { NvmeController } from '../controller.ts';
import { type ControllerRole, soleController } from '../role.ts';
import { FaultPlan } from '../faults.ts';
import { DmaMemory } from '../guest-memory.ts';
import type { Namespace } from '../namespace.ts';
import { MemoryStorage, type Storage } from '../storage.ts';

/** A command to send; what isn't given is 0. */
export interface SubmittedCommand {
  readonly opcode: number;
  readonly commandId?: number;
  readonly namespaceId?: number;
  readonly prp1?: number | bigint;
  readonly prp2?: number | bigint;
  readonly cdw10?: number;
  readonly cdw11?: number;
  readonly cdw12?: number;
  readonly cdw13?: number;
  /** FUSE and PSDT: bits 15:8 of dword 0. */
  readonly flags?: number;
}

export interface TakenCompletion {
  readonly commandId: number;
  readonly queueId: number;
  readonly status: number;
  readonly result: number;
  readonly submissionHead: number;
}

interface Ring {
  readonly gpa: number;
  readonly entries: number;
  index: number;
  phase: 0 | 1;
}

const memoryBytes = 4 * 2 ** 20;
const adminSubmission = 0x1000;
const adminCompletion = 0x2000;
const adminEntries = 32;
/** I/O queue `n` has its entries from here on. */
const ioQueues = 0x1_0000;
/** Where commands' data goes unless a test says otherwise. */
const dataPage = 0x10_0000;

/** A guest's driver for a controller, with a memory of its own, and a test's hand on time. */
export class TestDriver {
  readonly memory = new Uint8Array(memoryBytes);
  readonly view = new DataView(this.memory.buffer);
  readonly faults = new FaultPlan();
  readonly controller: NvmeController;
  readonly namespaces: readonly Namespace[];
  /** Vectors that were raised, in order. */
  readonly interrupts: number[] = [];
  /** I/O submission queues whose doorbells need no value. */
  shadowed: readonly number[] = [];
  readonly dataPage = dataPage;
  nowMs = 0;
  readonly #deferred: (() => void)[] = [];
  #timers: { readonly atMs: number; readonly work: () => void }[] = [];
  readonly #submission = new Map<number, Ring>();
  readonly #completion = new Map<number, Ring>();

  constructor(
    storages: readonly Storage[] = [new MemoryStorage(2 ** 20)],
    queuePairs = 4,
    role: ControllerRole = soleController,
  ) {
    this.namespaces = storages.map((storage, index) => ({ storage, uuid: new Uint8Array(16).fill(index + 1) }));
    this.controller = new NvmeController({
      identity: {
        vendorId: 0xdda0,
        serialNumber: 'SERIAL',
        modelNumber: 'dda software NVMe',
        firmwareRevision: '1',
        qualifiedName: 'nqn.2014-08.org.nvmexpress:uuid:0',
      },
      namespaces: this.namespaces,
      queuePairs,
      vectors: queuePairs + 1,
      role,
      faults: this.faults,
      port: {
        interrupt: (vector) => void this.interrupts.push(vector),
        defer: (work) => void this.#deferred.push(work),
        nowMs: () => this.nowMs,
        after: (ms, work) => {
          const timer = { atMs: this.nowMs + ms, work };
          this.#timers.push(timer);
          return () => {
            this.#timers = this.#timers.filter((each) => each !== timer);
          };
        },
        shadowedQueuesChanged: (queueIds) => {
          this.shadowed = [...queueIds];
        },
      },
    });
    const region = { gpa: 0, sizeBytes: memoryBytes, hostAddress: 0n, bytes: this.memory };
    this.controller.connectMemory(new DmaMemory([region]));
    this.controller.setBusMaster(true);
  }

  register(offset: number): number {
    return Number(this.controller.read(offset, 4));
  }

  write(offset: number, value: number): void {
    this.controller.write(offset, 4, BigInt(value >>> 0));
  }

  doorbell(queueId: number, kind: 'submission' | 'completion', value: number): void {
    this.write(0x1000 + 4 * (2 * queueId + (kind === 'submission' ? 0 : 1)), value);
  }

  /** Admin queues of 32 entries, then CC.EN. */
  enable(configuration = 0x0046_0001): void {
    this.write(0x24, ((adminEntries - 1) << 16) | (adminEntries - 1));
    this.controller.write(0x28, 8, BigInt(adminSubmission));
    this.controller.write(0x30, 8, BigInt(adminCompletion));
    this.memory.fill(0, adminCompletion, adminCompletion + adminEntries * 16);
    this.#submission.set(0, { gpa: adminSubmission, entries: adminEntries, index: 0, phase: 1 });
    this.#completion.set(0, { gpa: adminCompletion, entries: adminEntries, index: 0, phase: 1 });
    this.write(0x14, configuration);
  }

  disable(): void {
    this.write(0x14, 0x0046_0000);
  }

  /** Enabled, with I/O queue pair 1. */
  start(entries = 16): this {
    this.enable();
    this.createPair(1, entries);
    return this;
  }

  createPair(id: number, entries: number): void {
    const [submission, completion] = [ioQueues + id * 0x4_0000, ioQueues + id * 0x4_0000 + 0x2_0000];
    this.memory.fill(0, completion, completion + entries * 16);
    const cdw10 = ((entries - 1) << 16) | id;
    this.succeed({ opcode: AdminOpcode.createCompletionQueue, prp1: completion, cdw10, cdw11: (id << 16) | 3 });
    this.succeed({ opcode: AdminOpcode.createSubmissionQueue, prp1: submission, cdw10, cdw11: (id << 16) | 1 });
    this.#submission.set(id, { gpa: submission, entries, index: 0, phase: 1 });
    this.#completion.set(id, { gpa: completion, entries, index: 0, phase: 1 });
  }

  /** Puts commands into a queue, without telling. Gives the new tail. */
  put(queueId: number, ...commands: readonly SubmittedCommand[]): number {
    const ring = ringOf(this.#submission, queueId);
    for (const command of commands) {
      this.memory.set(encode(command), ring.gpa + 64 * ring.index);
      ring.index = (ring.index + 1) % ring.entries;
    }
    return ring.index;
  }

  submit(queueId: number, ...commands: readonly SubmittedCommand[]): void {
    this.doorbell(queueId, 'submission', this.put(queueId, ...commands));
  }

  /** New completions, in order. `tell`: the doorbell, or nobody. */
  take(queueId: number, tell = true): TakenCompletion[] {
    const ring = ringOf(this.#completion, queueId);
    const taken: TakenCompletion[] = [];
    for (;;) {
      const at = ring.gpa + 16 * ring.index;
      const last = this.view.getUint16(at + 14, true);
      if ((last & 1) !== ring.phase) break;
      taken.push({
        commandId: this.view.getUint16(at + 12, true),
        queueId: this.view.getUint16(at + 10, true),
        status: (last >>> 1) & 0x7ff,
        result: this.view.getUint32(at, true),
        submissionHead: this.view.getUint16(at + 8, true),
      });
      ring.index += 1;
      if (ring.index < ring.entries) continue;
      ring.index = 0;
      ring.phase = ring.phase === 1 ? 0 : 1;
    }
    if (taken.length > 0 && tell) this.doorbell(queueId, 'completion', ring.index);
    return taken;
  }

  /** Where a queue's completions have been taken up to. */
  head(queueId: number): number {
    return ringOf(this.#completion, queueId).index;
  }

  /** One command, whose completion is there when it returns. */
  send(queueId: number, command: SubmittedCommand): TakenCompletion {
    this.submit(queueId, command);
    this.runDeferred();
    const [completion, ...others] = this.take(queueId);
    assert.ok(completion !== undefined && others.length === 0, 'one completion');
    return completion;
  }

  /** One admin command that ends well; gives dword 0 of its completion. */
  succeed(command: SubmittedCommand): number {
    const { status, result } = this.send(0, command);
    assert.equal(status, 0, `opcode 0x${command.opcode.toString(16)} ended with 0x${status.toString(16)}`);
    return result;
  }

  status(queueId: number, command: SubmittedCommand): number {
    return this.send(queueId, command).status;
  }

  runDeferred(): void {
    for (let work = this.#deferred.shift(); work !== undefined; work = this.#deferred.shift()) work();
  }

  get deferred(): number {
    return this.#deferred.length;
  }

  pass(ms: number): void {
    this.nowMs += ms;
    const due = this.#timers.filter(({ atMs }) => atMs <= this.nowMs);
    this.#timers = this.#timers.filter(({ atMs }) => atMs > this.nowMs);
    for (const { work } of due) work();
  }

  data(sizeBytes: number, gpa = dataPage): Uint8Array {
    return this.memory.subarray(gpa, gpa + sizeBytes);
  }
}

function ringOf(rings: ReadonlyMap<number, Ring>, id: number): Ring {
  const ring = rings.get(id);
  assert.ok(ring, `queue ${id}`);
  return ring;
}

function encode(command: SubmittedCommand): Uint8Array {
  const bytes = new Uint8Array(64);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, command.opcode | ((command.flags ?? 0) << 8) | ((command.commandId ?? 0) << 16), true);
  view.setUint32(4, command.namespaceId ?? 0, true);
  view.setBigUint64(24, BigInt(command.prp1 ?? dataPage), true);
  view.setBigUint64(32, BigInt(command.prp2 ?? 0), true);
  for (const [index, value] of [command.cdw10, command.cdw11, command.cdw12, command.cdw13].entries()) {
    view.setUint32(40 + 4 * index, value ?? 0, true);
  }
  return bytes;
}
