import { EventEmitter } from 'node:events';
import type { PciFunction } from '../functions/index.ts';
import type { CrashReport, GuestOs } from '../hyperv/index.ts';
import type { DmaMapping } from '../linux/index.ts';
import type { TraceReader } from '../trace/index.ts';
import type { Assignment, EjectOutcome } from './assignment/assignment.ts';
import { Assignments, type GuestProcessors } from './assignment/assignments.ts';
import type { GuestMap } from './boot/index.ts';
import type { MachineEnd } from './machine-end.ts';
import type { MachineOptions } from './machine-options.ts';
import { createMachine, type MachineParts } from './machine-parts.ts';

/** The longest that a guest stands still while a function is taken from it. */
const LONGEST_REST_MS = 250;

/** `code` is stable; `text` holds no guest text. */
export interface MachineLogEntry {
  readonly severity: 'info' | 'warning';
  readonly code: string;
  readonly text: string;
}

export interface MachineEvents {
  /** Bytes from the guest's serial port. */
  console: [Uint8Array];
  /** The guest has said that it crashed; it may still run. */
  crashed: [CrashReport];
  guestOs: [GuestOs | undefined];
  /** The host's kernel wanted this function back, and has it: nothing of it is open here any more. What is left is to {@link VirtualMachine.rescind} it. */
  releaseRequested: [Assignment];
  /** This function can't go on. */
  functionFailed: [Assignment, string];
  log: [MachineLogEntry];
}

/** How many exits to user space a machine has taken. */
export interface ExitCounts {
  readonly exits: number;
  /** Of those, the ones that needed the device thread. */
  readonly deviceExits: number;
}

/** What a machine holds: for the tests that look for leaks. */
export interface MachineResources {
  readonly memorySlots: number;
  readonly assignments: number;
}

/**
 * One virtual machine in this process: the device thread is the one that created it, each vCPU has a worker thread.
 * Emits {@link MachineEvents}.
 */
export class VirtualMachine extends EventEmitter<MachineEvents> {
  readonly map: GuestMap;
  /** Why the machine stopped; resolves when it has, with every function revoked and every descriptor closed. */
  readonly ended: Promise<MachineEnd>;
  /** Resolves when the guest begins; never, where it doesn't. */
  readonly entered: Promise<void>;
  readonly #parts: MachineParts;
  readonly #assignments: Assignments;
  readonly #processors: GuestProcessors = {
    standStill: () => this.#parts.threads.forEach((thread) => thread.rest(LONGEST_REST_MS)),
    goOn: () => this.#parts.threads.forEach((thread) => thread.goOn()),
  };
  #end: MachineEnd | undefined;
  #crash: CrashReport | undefined;

  /** Creates the VM and starts it. Throws when KVM or the boot plan refuses; nothing is left behind then. */
  constructor(options: MachineOptions) {
    super();
    this.#parts = createMachine(options, {
      output: (bytes) => void this.emit('console', bytes),
      retarget: (request) => this.#assignments.retarget(request),
      crashed: (report) => {
        this.#crash = report;
        this.emit('crashed', report);
      },
      guestOs: (guestOs) => void this.emit('guestOs', guestOs),
      log: (entry) => void this.emit('log', entry),
      end: (end) => this.#finish(end),
    });
    this.map = this.#parts.services.map;
    this.entered = this.#parts.entered;
    this.#assignments = new Assignments(
      this.#parts.services,
      {
        releaseRequested: (assignment) => this.#hostWaits(assignment),
        failed: (assignment, reason) => void this.emit('functionFailed', assignment, reason),
      },
      this.#processors,
    );
    this.ended = this.#run();
  }

  /**
   * What a function that is lent will reach by DMA: all of RAM, to be pinned. Whatever has no page yet gets it by that, so nothing else
   * populates it from here on.
   */
  memoryToPin(): readonly DmaMapping[] {
    const { ram } = this.#parts.services;
    ram.stopPopulating();
    return ram.dmaRegions().map(({ gpa, sizeBytes, hostAddress }) => ({ iova: gpa, sizeBytes, hostAddress }));
  }

  /** Lends `pciFunction` to the guest: reset, reachable by DMA, offered. Throws when a step fails; the function is closed then. */
  lend(pciFunction: PciFunction, serial: number): Assignment {
    if (this.#end !== undefined) {
      pciFunction.close();
      throw new Error(`the VM has ended: nothing can be lent to it any more`);
    }
    return this.#assignments.lend(pciFunction, serial);
  }

  /** Asks the guest, waits for `deadlineMs` at the most, then takes the function away in any case. */
  eject(assignment: Assignment, deadlineMs: number): Promise<EjectOutcome> {
    return this.#assignments.eject(assignment, deadlineMs);
  }

  /** Takes the function away without asking. When this returns, the guest reaches nothing of it and nothing of it is open. */
  rescind(assignment: Assignment): void {
    this.#assignments.rescind(assignment);
  }

  get assignments(): readonly Assignment[] {
    return this.#assignments.live;
  }

  /** Types into the guest's serial port. */
  type(bytes: Uint8Array): void {
    this.#parts.console.type(bytes);
  }

  /** What was typed and the guest has not taken yet. */
  get untakenBytes(): number {
    return this.#parts.console.unsentBytes;
  }

  /** Records what passes between guest and host from now on, until the last reader is closed: see `Trace.open`. */
  openTrace(grown: () => void): TraceReader {
    return this.#parts.trace.open(grown);
  }

  exitCounts(): ExitCounts {
    const { threads } = this.#parts;
    return {
      exits: threads.reduce((sum, thread) => sum + thread.exits, 0),
      deviceExits: threads.reduce((sum, thread) => sum + thread.deviceExits, 0),
    };
  }

  resources(): MachineResources {
    return { memorySlots: this.#parts.services.slots.count, assignments: this.#assignments.live.length };
  }

  /** Stops the machine at once, whatever the guest does. */
  async stop(): Promise<MachineEnd> {
    this.#finish({ kind: 'stopped' });
    return await this.ended;
  }

  async #run(): Promise<MachineEnd> {
    const { threads, loop, console, held } = this.#parts;
    // process.exit() would wait for ever for threads that sit in the guest.
    const kickAll = (): void => threads.forEach((thread) => thread.requestStop());
    process.on('exit', kickAll);
    try {
      let failure: { error: unknown } | undefined;
      const fail = (error: unknown): void => {
        failure ??= { error };
        this.#finish({ kind: 'stopped' });
      };
      for (const thread of threads) {
        thread.onError(fail);
      }
      await loop.done.catch(fail);
      await Promise.all(threads.map((thread) => thread.stop()));
      this.#assignments.rescindAll();
      console.close();
      if (failure !== undefined) {
        throw failure.error;
      }
      return this.#end ?? { kind: 'stopped' };
    } finally {
      process.off('exit', kickAll);
      held.dispose();
    }
  }

  /**
   * The host's kernel waits for the function, in an unplugging with the lock of all plug and play: it gets it before anything else is done
   * about it. Until then, and for twice as long again, the guest stands still, and nothing here competes with what the kernel has to do.
   */
  #hostWaits(assignment: Assignment): void {
    const since = performance.now();
    this.#processors.standStill();
    assignment.letGo();
    const tookMs = performance.now() - since;
    setTimeout(
      () => {
        this.#processors.goOn();
        if (this.#assignments.live.includes(assignment)) this.emit('releaseRequested', assignment);
      },
      Math.max(0, Math.min(2 * tookMs, LONGEST_REST_MS - tookMs)),
    );
  }

  /** The first reason stands; a reset that follows a crash report is the panic's. */
  #finish(end: MachineEnd): void {
    if (this.#end !== undefined) {
      return;
    }
    this.#end = end.kind === 'reset' && this.#crash !== undefined ? { kind: 'panic', report: this.#crash } : end;
    for (const thread of this.#parts.threads) {
      thread.requestStop();
    }
  }
}
