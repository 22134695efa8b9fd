import { AdminOpcode, IoOpcode } from '../../src/functions/software-nvme/command.ts';
import { NvmeController } from '../../src/functions/software-nvme/controller.ts';
import { type ControllerRole, soleController } from '../../src/functions/software-nvme/role.ts';
import { SecondaryControllers } from '../../src/functions/software-nvme/secondary-controllers.ts';
import { Feature } from '../../src/functions/software-nvme/features.ts';
import { type CommandFault, FaultPlan } from '../../src/functions/software-nvme/faults.ts';
import { HostileDma } from '../doubles/hostile-dma.ts';
import { WatchedStorage } from '../doubles/watched-storage.ts';
import type { Choices } from '../engine/choices.ts';
import type { Probe } from '../engine/probe.ts';
import type { Run, Target } from '../engine/target.ts';
import {
  chosenCommand,
  chosenTaste,
  completionPage,
  DATA_PAGE,
  encodeCommand,
  LIST_END,
  QUEUE_ENTRIES,
  RANGES_PAGE,
  submissionPage,
  type Taste,
} from './nvme-commands.ts';
import { NvmeWitness } from './nvme-witness.ts';

const PAGE_BYTES = 4096;
const PAGES = 80;
const STORAGE_BYTES = 2 ** 18;
const QUEUE_PAIRS = 4;
const VECTORS = QUEUE_PAIRS + 1;
const SHADOW_PAGE = 12;
/** Page size 4096, entries of 64 and 16 bytes, on. */
const ENABLED = 0x0046_0001;
/** In CSTS. */
const READY = 1n;
const CONTROLLER_STATUS = 0x1c;
const CONFIGURATIONS = [
  ENABLED,
  0x0046_0000,
  0x0046_4001,
  0x0046_8001,
  0x0000_0001,
  0x0046_0081,
  0x0046_1801,
  0x0046_0801,
  0x0046_0011,
  0x0047_0001,
  0,
] as const;
const FAULTS: readonly CommandFault[] = [
  { kind: 'error', status: 0x281 },
  { kind: 'stuck' },
  { kind: 'slow', ms: 5 },
  { kind: 'bad-completion', wrong: 'command-id' },
  { kind: 'bad-completion', wrong: 'queue-id' },
  { kind: 'bad-completion', wrong: 'phase' },
];

const memory = new HostileDma(PAGES * PAGE_BYTES);

/** The software controller, its queues in memory that changes, its storage slow and faulty. */
export const nvme: Target = {
  name: 'nvme',
  title: 'registers, doorbells, queues, commands and page lists of the software NVMe controller',
  setupBytes: 20,
  operationBytes: 128,
  mostOperations: 100,
  // One turn starts 64 commands, each of which may look at 33 pages and their lists several times.
  workLimit: 64 * 160,
  mostBetweenLooks: 30_000,
  begin: (setup, probe) => new NvmeRun(setup, probe),
};

class NvmeRun implements Run {
  readonly #probe: Probe;
  /** Queues lie where they should, and data beside them: then each completion can be held against its command. */
  readonly #orderly: boolean;
  readonly #storages: readonly WatchedStorage[];
  readonly #role: ControllerRole;
  readonly #taste: Taste;
  readonly #faults = new FaultPlan();
  readonly #controller: NvmeController;
  readonly #witness: NvmeWitness;
  readonly #deferred: (() => void)[] = [];
  #timers: (() => void)[] = [];
  #shadowed: readonly number[] = [];
  #hasIoQueues = false;
  #tails = new Map<number, number>();
  #nowMs = 0;

  constructor(setup: Choices, probe: Probe) {
    this.#probe = probe;
    this.#orderly = !setup.chance(96);
    memory.renew(probe);
    this.#witness = new NvmeWitness(memory, probe, this.#orderly);
    const readOnly = setup.chance(24);
    this.#storages = [
      new WatchedStorage(STORAGE_BYTES, readOnly, probe),
      ...(setup.chance(96) ? [new WatchedStorage(512 * 9, false, probe)] : []),
    ];
    this.#role = chosenRole(setup);
    this.#taste = chosenTaste(setup);
    this.#controller = this.#make();
    this.#controller.connectMemory(memory);
    if (setup.chance(12)) return;
    this.#controller.setBusMaster(true);
    this.#witness.mayWrite = true;
    this.#start(setup);
  }

  operate(choices: Choices): void {
    memory.calm();
    if (!this.#orderly || choices.chance(96)) memory.arm(choices);
    switch (choices.below(14)) {
      case 0:
        this.#register(choices);
        break;
      case 1:
        this.#witness.allTaken();
        this.#write(
          0x1000 + 4 * choices.below(12),
          choices.chance(160) ? choices.below(QUEUE_ENTRIES + 2) : choices.word(),
        );
        break;
      case 2:
      case 3:
        this.#scribble(choices);
        break;
      case 4:
        this.#takeCompletions();
        break;
      case 5:
      case 6:
        this.#settle(choices);
        break;
      case 7:
        this.#rarely(choices);
        break;
      default:
        this.#submit(choices);
    }
    memory.calm();
    this.#check();
  }

  finish(): void {
    if (this.#faults.gone) return;
    // What the host ordered to go wrong is not the guest's doing.
    for (let i = 0; i < 100; i += 1) for (const queue of ['admin', 'io'] as const) this.#faults.take(queue, 0);
    this.#restart();
    const read = {
      opcode: IoOpcode.read,
      namespaceId: 1,
      commandId: 7,
      prp1: BigInt(DATA_PAGE * PAGE_BYTES),
      cdw10: 1,
      cdw12: 0,
    };
    this.#put(1, encodeCommand(read));
    this.#ring(1);
    this.#runAll();
    this.#probe.check(this.#witness.lastStatus(1) === 0, 'after a reset the controller reads no more');
  }

  #make(): NvmeController {
    const namespaces = this.#storages.map((storage, i) => ({ storage, uuid: new Uint8Array(16).fill(i + 1) }));
    return new NvmeController({
      identity: {
        vendorId: 0xdda0,
        serialNumber: 'SERIAL',
        modelNumber: 'dda software NVMe',
        firmwareRevision: '1',
        qualifiedName: 'nqn.2014-08.org.nvmexpress:uuid:0',
      },
      namespaces,
      role: this.#role,
      queuePairs: QUEUE_PAIRS,
      vectors: VECTORS,
      faults: this.#faults,
      port: {
        interrupt: (vector) => {
          this.#probe.step();
          this.#probe.check(
            Number.isInteger(vector) && vector >= 0 && vector < VECTORS,
            () => `interrupt vector ${vector}`,
          );
        },
        defer: (work) => void this.#deferred.push(work),
        nowMs: () => this.#nowMs,
        after: (_ms, work) => {
          this.#timers.push(work);
          return () => {
            this.#timers = this.#timers.filter((each) => each !== work);
          };
        },
        shadowedQueuesChanged: (queueIds) => {
          this.#shadowed = queueIds;
        },
      },
    });
  }

  /** Admin queues, then two pairs for I/O, and for some guests doorbells in memory. */
  #start(setup: Choices | undefined): void {
    this.#witness.restart();
    this.#tails.clear();
    this.#write(0x24, ((QUEUE_ENTRIES - 1) << 16) | (QUEUE_ENTRIES - 1));
    this.#controller.write(0x28, 8, BigInt(submissionPage(0) * PAGE_BYTES));
    this.#controller.write(0x30, 8, BigInt(completionPage(0) * PAGE_BYTES));
    this.#write(0x14, ENABLED);
    // Some set the number of queues first, which they can't with queues.
    this.#hasIoQueues = setup?.chance(96) !== true;
    if (!this.#hasIoQueues) return this.#askForQueues(setup);
    for (const id of [1, 2]) {
      const cdw10 = ((QUEUE_ENTRIES - 1) << 16) | id;
      const completion = {
        opcode: AdminOpcode.createCompletionQueue,
        prp1: BigInt(completionPage(id) * PAGE_BYTES),
        cdw10,
        cdw11: (id << 16) | 3,
      };
      const submission = {
        opcode: AdminOpcode.createSubmissionQueue,
        prp1: BigInt(submissionPage(id) * PAGE_BYTES),
        cdw10,
        cdw11: (id << 16) | 1,
      };
      for (const command of [completion, submission])
        this.#put(0, encodeCommand({ ...command, commandId: 0x100 + id }));
      this.#ring(0);
      this.#takeCompletions();
    }
    if (setup?.chance(96) !== true) return;
    this.#put(
      0,
      encodeCommand({
        opcode: AdminOpcode.doorbellBufferConfig,
        prp1: BigInt(SHADOW_PAGE * PAGE_BYTES),
        prp2: BigInt(13 * PAGE_BYTES),
      }),
    );
    this.#ring(0);
    this.#takeCompletions();
  }

  /** As every driver does before it creates queues: how many there may be. */
  #askForQueues(setup: Choices | undefined): void {
    if (setup?.chance(160) !== true) return;
    const cdw11 = setup.below(9) | (setup.below(9) << 16);
    this.#put(
      0,
      encodeCommand({ opcode: AdminOpcode.setFeatures, commandId: 0x200, cdw10: Feature.numberOfQueues, cdw11 }),
    );
    this.#ring(0);
    this.#takeCompletions();
  }

  #restart(): void {
    this.#storages.forEach((storage) => (storage.failure = undefined));
    this.#controller.connectMemory(memory);
    this.#controller.reset();
    this.#runAll();
    this.#witness.mayWrite = true;
    this.#controller.setBusMaster(true);
    this.#start(undefined);
  }

  #submit(choices: Choices): void {
    const queue = this.#hasIoQueues ? choices.below(3) : 0;
    if (choices.chance(128)) this.#takeCompletions();
    const count = choices.chance(48) ? 1 + choices.below(QUEUE_ENTRIES - 1) : 1;
    for (let i = 0; i < count; i += 1) {
      this.#probe.fed();
      this.#put(queue, encodeCommand(chosenCommand(choices, queue === 0, this.#orderly, this.#taste)));
    }
    if (!choices.chance(12)) this.#ring(queue);
  }

  #put(queue: number, entry: Uint8Array): void {
    const tail = this.#tails.get(queue) ?? 0;
    memory.bytes.set(entry, submissionPage(queue) * PAGE_BYTES + tail * 64);
    this.#tails.set(queue, (tail + 1) % QUEUE_ENTRIES);
  }

  #ring(queue: number): void {
    const tail = this.#tails.get(queue) ?? 0;
    memory.words.setUint32(SHADOW_PAGE * PAGE_BYTES + 8 * queue, tail, true);
    if (this.#shadowed.includes(queue)) this.#controller.ring(queue);
    else this.#write(0x1000 + 8 * queue, tail);
  }

  #takeCompletions(): void {
    for (const queue of [0, 1, 2]) {
      const head = this.#witness.take(queue);
      memory.words.setUint32(SHADOW_PAGE * PAGE_BYTES + 8 * queue + 4, head, true);
      this.#write(0x1000 + 8 * queue + 4, head);
    }
  }

  #register(choices: Choices): void {
    if (!choices.chance(64)) {
      const value = this.#controller.read(
        choices.chance(24) ? choices.below(0x4010) : choices.chance(24) ? 0xffc : 4 * choices.below(16),
        choices.pick([4, 8, 2, 1] as const),
      );
      this.#probe.check(value >= 0n && value < 1n << 64n, () => `a register reads ${value}`);
      return;
    }
    const offset = choices.pick([0x14, 0x24, 0x28, 0x30, 0x0c, 0x10, 0x14] as const);
    const value = offset === 0x14 && !choices.chance(24) ? BigInt(choices.pick(CONFIGURATIONS)) : choices.long();
    this.#witness.allTaken();
    this.#controller.write(
      choices.chance(12) ? choices.below(0x2100) : offset,
      choices.pick([4, 8, 4, 2] as const),
      value,
    );
    // Admin queues may lie anywhere now, so what is written there is nobody's completion.
    if (offset !== 0x14) this.#witness.stop();
    if ((this.#controller.read(0x1c, 4) & READY) !== 0n) return;
    this.#witness.restart();
    this.#tails.clear();
  }

  #scribble(choices: Choices): void {
    const page = this.#orderly ? SHADOW_PAGE + choices.below(PAGES - SHADOW_PAGE) : choices.below(PAGES);
    if (choices.chance(64)) {
      // A list of one entry, at the end of its page, that leads to itself.
      memory.words.setBigUint64(LIST_END, BigInt(LIST_END), true);
      return;
    }
    if (choices.chance(48)) return this.#scribbleRanges(choices);
    if (page === SHADOW_PAGE) this.#witness.allTaken();
    const at = page * PAGE_BYTES + 8 * (choices.chance(96) ? choices.below(512) : choices.below(8));
    const target = choices.chance(128)
      ? BigInt((DATA_PAGE + choices.below(PAGES - DATA_PAGE)) * PAGE_BYTES)
      : choices.long();
    memory.words.setBigUint64(at, target, true);
  }

  /** As Dataset Management takes them: attributes, length in blocks, first block. */
  #scribbleRanges(choices: Choices): void {
    const count = 1 + choices.below(4);
    for (let at = RANGES_PAGE * PAGE_BYTES, left = count; left > 0; left -= 1, at += 16) {
      memory.words.setUint32(at + 4, choices.chance(24) ? choices.word() : choices.below(5), true);
      memory.words.setBigUint64(at + 8, BigInt(choices.below(choices.chance(24) ? 600 : 9)), true);
    }
  }

  #settle(choices: Choices): void {
    for (const storage of this.#storages) {
      storage.failure = choices.chance(24) ? new Error('the storage failed') : undefined;
      storage.settle(choices.chance(128) ? 1 : storage.waiting.length);
    }
    const deferred = this.#deferred.splice(0);
    for (const work of deferred) {
      this.#probe.work = 0;
      work();
    }
  }

  #rarely(choices: Choices): void {
    switch (choices.below(8)) {
      case 0: {
        const on = choices.chance(160);
        this.#witness.mayWrite ||= on;
        this.#controller.setBusMaster(on);
        this.#witness.mayWrite = on;
        return;
      }
      case 1:
        if (choices.chance(64)) this.#restart();
        return;
      case 2:
        if (!choices.chance(64)) return;
        this.#controller.connectMemory(undefined);
        this.#witness.restart();
        this.#tails.clear();
        return;
      case 3: {
        const fault = FAULTS[choices.below(this.#orderly ? 3 : FAULTS.length)];
        if (fault !== undefined)
          this.#faults.order({ queue: choices.chance(64) ? 'admin' : 'io', fault, after: choices.below(3) });
        return;
      }
      case 4:
        this.#nowMs += choices.word();
        for (const work of this.#timers.splice(0)) work();
        return;
      case 5:
        if (choices.chance(8)) this.#faults.vanish();
        else if (choices.chance(32)) this.#goOffline();
        return;
      default:
        this.#controller.ring(choices.below(6));
    }
  }

  /** As the primary controller's guest may do with a secondary one, at any time; then it starts over. */
  #goOffline(): void {
    this.#controller.setOnline(false);
    this.#probe.check(this.#controller.read(CONTROLLER_STATUS, 4) !== 0n, 'a controller that is offline looks well');
    this.#write(0x14, ENABLED);
    this.#controller.reset();
    this.#runAll();
    this.#controller.setOnline(true);
    this.#restart();
  }

  #runAll(): void {
    for (let turn = 0; turn < 40; turn += 1) {
      for (const storage of this.#storages) storage.settle(storage.waiting.length);
      for (const work of this.#deferred.splice(0)) {
        this.#probe.work = 0;
        work();
      }
    }
  }

  #write(offset: number, value: number): void {
    this.#controller.write(offset, 4, BigInt(value >>> 0));
  }

  #check(): void {
    const waiting = this.#storages.reduce((sum, storage) => sum + storage.waiting.length, 0);
    this.#probe.check(waiting <= 2 * (256 + 64), () => `${waiting} operations of the storage at once`);
    this.#probe.check(this.#deferred.length <= 1, () => `${this.#deferred.length} turns wait`);
    this.#probe.check(this.#timers.length <= 320, () => `${this.#timers.length} timers`);
    this.#probe.note(2, Math.min(waiting, 40));
    this.#probe.note(3, Number(this.#controller.read(0x1c, 4)) & 0xff);
  }
}

/** The only controller of its subsystem, the one that manages others, or one that is managed. */
function chosenRole(setup: Choices): ControllerRole {
  if (!setup.chance(96)) return soleController;
  if (setup.chance(96)) return { controllerId: 1, isVirtual: true, isShared: true, secondaries: undefined };
  const shared = {
    virtualFunctions: 2,
    flexible: { queues: 8, interrupts: 8 },
    mostPerSecondary: { queues: 4, interrupts: 4 },
  };
  const secondaries = new SecondaryControllers(shared, { queues: QUEUE_PAIRS, interrupts: VECTORS }, () => undefined);
  secondaries.enable(setup.below(3));
  return { controllerId: 0, isVirtual: false, isShared: true, secondaries };
}
