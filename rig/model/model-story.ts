import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DemoError, Disk } from '../../src/host/index.ts';
import { formatVersion as formatVmbusVersion } from '../../src/vmbus/index.ts';
import { formatVersion, type NvmeController, type Steps } from '../../src/vpci/index.ts';
import { type FrontEndKind, frontEndKinds } from './front-end.ts';
import { ModelGuest } from './model-guest.ts';

const MIB = 2 ** 20;
const BYTES = 16 * MIB;
const COMMAND_BYTES = 64 * 1024;
const READ_BYTES = 4096;
const READS = 2000;
const READS_BEFORE_RESCIND = 20;

export const modelSteps = [
  'connect',
  'start',
  'write',
  'read',
  'eject',
  'verify',
  'hot-add',
  'rescind',
  'return',
] as const;
export type ModelStep = (typeof modelSteps)[number];

export interface ModelStepTime {
  readonly guest: FrontEndKind;
  readonly name: ModelStep;
  readonly ms: number;
  /** What was to be seen. */
  readonly shown: string;
}

/** What one front end has shown. */
export interface ModelGuestResult {
  readonly kind: FrontEndKind;
  readonly vmbusVersion: string;
  readonly vpciVersion: string;
  readonly bytesWritten: number;
  /** Read back by the guest, and equal. */
  readonly bytesVerifiedInGuest: number;
  /** Read from the file after the return, and equal. */
  readonly bytesVerifiedOnHost: number;
  /** During so many reads of 4 KiB, one at a time. */
  readonly reads: number;
  readonly interrupts: number;
}

/**
 * The life of a lent function, once with each front end. @throws DemoError where something is not as it should be, HostError
 * where no disk can be made.
 */
export async function runModelStory(tell: (step: ModelStepTime) => void): Promise<readonly ModelGuestResult[]> {
  const directory = mkdtempSync(join(tmpdir(), 'dda-model-'));
  try {
    const results: ModelGuestResult[] = [];
    for (const kind of frontEndKinds) {
      const path = join(directory, `${kind}.img`);
      writeFileSync(path, '');
      truncateSync(path, 2 * BYTES);
      results.push(await new Life(kind, path, tell).run());
    }
    return results;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** One front end's. */
class Life {
  readonly #kind: FrontEndKind;
  readonly #path: string;
  readonly #tell: (step: ModelStepTime) => void;
  readonly #guest: ModelGuest;

  constructor(kind: FrontEndKind, path: string, tell: (step: ModelStepTime) => void) {
    this.#kind = kind;
    this.#path = path;
    this.#tell = tell;
    this.#guest = new ModelGuest(kind);
  }

  async run(): Promise<ModelGuestResult> {
    const disk = new Disk({ path: this.#path, readOnly: false }, 'disk0');
    try {
      return await this.#withDisk(disk);
    } finally {
      this.#guest.close();
      disk.close();
    }
  }

  async #withDisk(disk: Disk): Promise<ModelGuestResult> {
    const guest = this.#guest;
    const written = randomBytes(BYTES);
    const vmbusVersion = await this.#step('connect', () => {
      const version = formatVmbusVersion(guest.connect());
      return [`VMBus ${version}: messages by hypercall, rings in the guest's memory`, version];
    });
    const vpciVersion = await this.#step('start', async () => {
      const version = formatVersion(await guest.add(disk));
      const { model, namespace, queues } = guest.controller;
      const size = `${(namespace.blockCount * namespace.blockBytes) / MIB} MiB`;
      return [`vPCI ${version}: "${model}", ${size}, ${queues.length} queues with an interrupt each`, version];
    });
    await this.#step('write', async () => {
      await guest.run('write', writeAll(guest.controller, written));
      return [`${BYTES / MIB} MiB of random bytes, SHA-256 ${checksum(written).slice(0, 16)}…, flushed`, undefined];
    });
    const interrupts = await this.#step('read', async () => {
      await this.#compareInGuest(written);
      const before = guest.interrupts.taken;
      await guest.run('read', readOneByOne(guest.controller));
      const taken = guest.interrupts.taken - before;
      return [`all of it again, the same; then ${READS} times 4 KiB: ${taken} interrupts`, taken];
    });
    await this.#step('eject', async () => {
      const outcome = await guest.eject();
      if (outcome !== 'ejected') {
        throw new DemoError('demo-not-ejected', `The ${this.#kind} guest did not let go of its disk: ${outcome}.`);
      }
      return ['asked, the guest stopped its driver and answered; its channel is rescinded', undefined];
    });
    await this.#step('verify', () => {
      const found = checksum(readFileSync(this.#path).subarray(0, BYTES));
      if (found !== checksum(written)) throw this.#differ('the file');
      return [`the host's file: SHA-256 ${found.slice(0, 16)}…, the guest's own`, undefined];
    });
    await this.#step('hot-add', async () => {
      await guest.add(disk);
      await this.#compareInGuest(written);
      return ['the running guest got it again, and reads what it had written', undefined];
    });
    await this.#step('rescind', async () => {
      const reads = await this.#rescindUnderLoad();
      return [`taken without asking after ${reads} of an endless row of reads; the guest's driver gave up`, undefined];
    });
    await this.#step('return', () => {
      const {
        leftovers,
        interrupts: { lost },
      } = guest;
      const left = lost === 0 ? leftovers : [...leftovers, `${lost} interrupts that nobody took`];
      if (left.length > 0) {
        throw new DemoError('demo-guest-problem', `Of the ${this.#kind} guest there is left: ${left.join(', ')}.`);
      }
      return ['nothing of the function is left, neither with the host nor in the guest', undefined];
    });
    const verified = { bytesWritten: BYTES, bytesVerifiedInGuest: 2 * BYTES, bytesVerifiedOnHost: BYTES };
    return { kind: this.#kind, vmbusVersion, vpciVersion, ...verified, reads: READS, interrupts };
  }

  async #compareInGuest(written: Uint8Array): Promise<void> {
    const back = await this.#guest.run('read', readAll(this.#guest.controller));
    if (checksum(back) !== checksum(written)) throw this.#differ('the disk, as the guest reads it');
  }

  /** How many reads the guest had done. */
  async #rescindUnderLoad(): Promise<number> {
    const guest = this.#guest;
    const done = { reads: 0 };
    const reader = guest.spawn('read', readOn(guest.controller, done));
    await guest.until('read', () => done.reads >= READS_BEFORE_RESCIND);
    await guest.rescind();
    await guest.until('give its reads up', () => reader.outcome !== undefined);
    return done.reads;
  }

  async #step<T>(name: ModelStep, run: () => readonly [string, T] | Promise<readonly [string, T]>): Promise<T> {
    const started = performance.now();
    const [shown, value] = await run();
    this.#tell({ guest: this.#kind, name, ms: Math.round(performance.now() - started), shown });
    return value;
  }

  #differ(where: string): DemoError {
    return new DemoError('demo-bytes-differ', `What the ${this.#kind} guest wrote is not what is on ${where}.`);
  }
}

/** On its queues in turn, and flushed. */
function* writeAll(controller: NvmeController, bytes: Uint8Array): Steps<void> {
  for (let at = 0, turn = 0; at < bytes.byteLength; at += COMMAND_BYTES, turn += 1) {
    const block = at / controller.namespace.blockBytes;
    yield* controller.write(block, bytes.subarray(at, at + COMMAND_BYTES), turn % controller.queues.length);
  }
  yield* controller.flush();
}

function* readAll(controller: NvmeController): Steps<Uint8Array> {
  const bytes = new Uint8Array(BYTES);
  for (let at = 0; at < BYTES; at += COMMAND_BYTES) {
    bytes.set(yield* controller.read(at / controller.namespace.blockBytes, COMMAND_BYTES), at);
  }
  return bytes;
}

function* readOneByOne(controller: NvmeController): Steps<void> {
  const { blockBytes } = controller.namespace;
  for (let i = 0; i < READS; i += 1) {
    yield* controller.read(((i * READ_BYTES) % BYTES) / blockBytes, READ_BYTES, i % controller.queues.length);
  }
}

/** Until the driver gives up. Between two reads others have their turn. */
function* readOn(controller: NvmeController, done: { reads: number }): Steps<never> {
  for (;;) {
    yield* controller.read(0, READ_BYTES);
    done.reads += 1;
    yield { label: 'between reads', ready: () => false, timeoutMs: 1 };
  }
}

function checksum(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
