import { AdminCommands } from './admin-commands.ts';
import { type AsyncEvent, AsyncEvents } from './async-events.ts';
import type { Respond } from './command.ts';
import type { FaultPlan } from './faults.ts';
import { Features } from './features.ts';
import { GatedMemory, type GuestMemory } from './guest-memory.ts';
import type { ControllerIdentity } from './identify.ts';
import { IoCommands } from './io-commands.ts';
import { LogPages } from './log-pages.ts';
import type { Namespace } from './namespace.ts';
import { QueueEngine } from './queue-engine.ts';
import { RegisterFile } from './register-file.ts';
import type { ControllerRole } from './role.ts';
import { doorbellBytes, doorbellsOffset, msixTableOffset, ShutdownState } from './registers.ts';
import { NvmeStatus } from './status.ts';

/** What a controller has of the world around it. */
export interface ControllerPort {
  interrupt(vector: number): void;
  /** Runs work when what else waits has had its turn. */
  defer(work: () => void): void;
  /** Since whenever. */
  nowMs(): number;
  /** Runs work later; the result takes it back. */
  after(ms: number, work: () => void): () => void;
  /** The I/O submission queues whose doorbell registers tell nothing but that there is news: see {@link NvmeController.ring}. */
  shadowedQueuesChanged(queueIds: readonly number[]): void;
}

export interface ControllerOptions {
  readonly identity: ControllerIdentity;
  /** Namespace 1, 2, … */
  readonly namespaces: readonly Namespace[];
  /** I/O queues of each kind, at the most. */
  readonly queuePairs: number;
  readonly vectors: number;
  readonly role: ControllerRole;
  readonly faults: FaultPlan;
  readonly port: ControllerPort;
}

/**
 * An NVMe controller: registers, queues and commands, and nothing else. It reaches guest memory through {@link GuestMemory} only, and
 * everything else through its {@link ControllerPort} and its storages. NVM Express Base Specification 1.4.
 *
 * The guest is hostile: each call does bounded work (64 commands of 128 KiB), keeps bounded memory (256 commands), and
 * throws nothing, whatever the guest's memory holds.
 */
export class NvmeController {
  readonly #namespaces: readonly Namespace[];
  readonly #port: ControllerPort;
  readonly #faults: FaultPlan;
  readonly #registers = new RegisterFile();
  readonly #events = new AsyncEvents();
  readonly #features: Features;
  readonly #logs: LogPages;
  readonly #engine: QueueEngine;
  readonly #formatting = new Set<Namespace>();
  #memory: GuestMemory | undefined;
  #busMaster = false;
  readonly #role: ControllerRole;
  #online = true;
  /** Grows with each reset: what was begun before is nobody's business any more. */
  #era = 0;

  constructor({ identity, namespaces, queuePairs, vectors, role, faults, port }: ControllerOptions) {
    this.#role = role;
    this.#namespaces = namespaces;
    this.#port = port;
    this.#faults = faults;
    this.#features = new Features({ queuePairs, vectors });
    this.#logs = new LogPages(identity.firmwareRevision, () => port.nowMs());
    const shared = { namespaces, features: this.#features, logs: this.#logs };
    const io = new IoCommands({
      ...shared,
      isFormatting: (namespace) => this.#formatting.size > 0 && this.#formatting.has(namespace),
    });
    const engine: QueueEngine = new QueueEngine({
      faults,
      memory: () => (this.#mayReach ? this.#memory : undefined),
      interrupt: (vector) => port.interrupt(vector),
      defer: (work) => port.defer(work),
      after: (ms, work) => port.after(ms, work),
      execute: (request, memory, respond) => {
        if (request.queue.id !== 0) return io.execute(request, memory, respond);
        admin.execute(request, memory, respond);
        return 0;
      },
      wentWrong: ({ queue, command }, status) => this.#logs.failed(queue.id, command, status),
      badDoorbell: (queueId, event) => this.#badDoorbell(queueId, event),
      lost: () => this.#registers.setFatal(),
    });
    const admin = new AdminCommands({
      ...shared,
      identity,
      role,
      vectors,
      events: this.#events,
      queues: engine.queues,
      entrySizesFit: () => this.#registers.entrySizesFit,
      queuesChanged: () => this.#tellShadowed(),
      drain: (queue, done) => engine.drain(queue, done),
      abort: (queueId, commandId) => engine.abort(queueId, commandId),
      useShadowDoorbells: (memory, shadow, eventIndex) => {
        engine.useShadows(memory, shadow, eventIndex);
        this.#tellShadowed();
      },
      format: (meant, respond) => this.#format(meant, respond),
    });
    this.#engine = engine;
  }

  /** The guest's memory, or none: then nothing that is under way reaches it any more. */
  connectMemory(memory: GuestMemory | undefined): void {
    if (memory === undefined) this.#stop();
    this.#memory = memory && new GatedMemory(memory, () => this.#mayReach);
  }

  /** While it is off the controller leaves guest memory alone, and what it would do there waits. */
  setBusMaster(enabled: boolean): void {
    if (this.#busMaster === enabled) return;
    this.#busMaster = enabled;
    if (enabled) this.#engine.resume();
  }

  /** As after power-on; logs stay. */
  reset(): void {
    this.#stop();
    this.#registers.reset();
    if (!this.#online) this.#registers.setFatal();
    this.#busMaster = false;
  }

  /** A secondary controller that is offline has failed for whoever looks, and does nothing (8.5.3). */
  setOnline(online: boolean): void {
    if (this.#online === online) return;
    this.#online = online;
    this.#stop();
    this.#registers.reset();
    if (!online) this.#registers.setFatal();
  }

  read(offset: number, sizeBytes: number): bigint {
    if (this.#faults.gone) return BigInt.asUintN(8 * sizeBytes, -1n);
    return offset < doorbellsOffset ? this.#registers.read(offset, sizeBytes) : 0n;
  }

  /** Whole dwords, one or two; anything else does nothing. */
  write(offset: number, sizeBytes: number, value: bigint): void {
    if (this.#faults.gone || offset % 4 !== 0) return;
    for (let at = 0; at + 4 <= sizeBytes; at += 4) {
      this.#writeDword(offset + at, Number((value >> BigInt(8 * at)) & 0xffff_ffffn));
    }
  }

  /** There is news in the shadow doorbell of a submission queue. */
  ring(queueId: number): void {
    if (this.#working) this.#engine.ring(queueId);
  }

  get #mayReach(): boolean {
    return this.#busMaster && !this.#faults.gone && !this.#registers.fatal;
  }

  get #working(): boolean {
    return this.#registers.ready && !this.#registers.fatal && !this.#faults.gone;
  }

  #writeDword(offset: number, value: number): void {
    if (offset >= doorbellsOffset) {
      const index = (offset - doorbellsOffset) / doorbellBytes;
      if (offset < msixTableOffset && this.#working) this.#engine.doorbell(index, value);
      return;
    }
    for (const effect of this.#registers.write(offset, value)) {
      if (effect === 'enable') this.#enable();
      else if (effect === 'disable') this.#disable();
      else this.#shutDown();
    }
  }

  /** 7.6.1: what was under way at the storages ends first, so that nothing old comes after anything new. */
  #enable(): void {
    const places = this.#registers.adminQueues;
    const mayStart = this.#online && this.#registers.configurable;
    if (!mayStart || places === undefined) return this.#registers.setFatal();
    const era = this.#era;
    this.#whenIdle(() => {
      if (this.#era !== era) return;
      this.#engine.start(places);
      this.#registers.ready = true;
    });
  }

  #disable(): void {
    this.#stop();
    this.#registers.clearStatus();
    if (!this.#online) this.#registers.setFatal();
  }

  #stop(): void {
    this.#era += 1;
    this.#engine.stop();
    this.#events.reset();
    this.#features.reset();
    this.#formatting.clear();
    this.#registers.ready = false;
    this.#role.secondaries?.takeAllOffline();
    this.#tellShadowed();
  }

  /** 7.6.2: what was written stays. */
  #shutDown(): void {
    const era = this.#era;
    this.#registers.setShutdown(ShutdownState.underWay);
    let left = this.#namespaces.length;
    this.#whenIdle(() => {
      for (const { storage } of this.#namespaces) {
        storage.flush(() => {
          left -= 1;
          if (left === 0 && this.#era === era) this.#registers.setShutdown(ShutdownState.complete);
        });
      }
    });
  }

  #whenIdle(done: () => void): void {
    const wait = ([first, ...others]: readonly Namespace[]): void => {
      if (first === undefined) done();
      else first.storage.whenIdle(() => wait(others));
    };
    wait(this.#namespaces);
  }

  #badDoorbell(queueId: number, event: AsyncEvent): void {
    this.#logs.failed(queueId, undefined, NvmeStatus.success);
    this.#events.raise(event);
  }

  #tellShadowed(): void {
    this.#port.shadowedQueuesChanged(this.#engine.shadowedQueues);
  }

  #format(meant: readonly Namespace[], respond: Respond): void {
    const era = this.#era;
    let left = meant.length;
    let failed = false;
    for (const namespace of meant) {
      this.#formatting.add(namespace);
      namespace.storage.clear(0, namespace.storage.sizeBytes, (error) => {
        failed ||= error !== undefined;
        left -= 1;
        if (this.#era === era) this.#formatting.delete(namespace);
        if (left === 0) respond(failed ? NvmeStatus.internalError : NvmeStatus.success);
      });
    }
  }
}
