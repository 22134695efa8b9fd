import type { TraceChunk } from '../../src/trace/index.ts';
import { SIGNAL_RECORD } from '../../src/trace/record-layouts.ts';
import { asPortEvent } from '../../src/host/vm-processes/vm-words.ts';
import { ConsoleRing } from '../../src/vm/process/console-ring.ts';
import { ManagerLink } from '../../src/vm/process/manager-link.ts';
import {
  decodeFromVm,
  decodeRequest,
  decodeResult,
  MAX_MESSAGE_BYTES,
  type VmOp,
  vmRequests,
} from '../../src/vm/process/protocol.ts';
import { VmService } from '../../src/vm/process/vm-service.ts';
import { LendingVm, MOST_UNTAKEN_BYTES } from '../doubles/lending-vm.ts';
import { MemoryListener, MemorySocket } from '../doubles/packet-sockets.ts';
import type { Choices } from '../engine/choices.ts';
import type { Probe } from '../engine/probe.ts';
import type { Run, Target } from '../engine/target.ts';
import { chosenJson, chosenJsonText } from './chosen-json.ts';
import { isPlain } from './plain-words.ts';
import { FROM_VM, REQUESTS, RESULTS } from './words-schemas.ts';

const OPERATIONS = Object.keys(vmRequests) as VmOp[];
const MOST_UNSENT = 256;
/** An event flag for the guest, after its length. */
const RECORD = recordOf(SIGNAL_RECORD.encode({ version: 1, kind: 5, direction: 2, relid: 1 }));

/** What a manager and a VM process say to each other, with either of them up to no good. */
export const words: Target = {
  name: 'words',
  title: 'the messages between a manager and a VM process, both ways, and what a VM process does with its requests',
  setupBytes: 4,
  operationBytes: 96,
  mostOperations: 60,
  workLimit: 2000,
  mostBetweenLooks: 12_000,
  begin: (setup, probe) => new WordsRun(setup, probe),
};

/** How often the answer of a request that opens a function, or waits for that, is put off until the caller is done; and some more. */
const MOST_TURNS = 16;

class WordsRun implements Run {
  readonly #probe: Probe;
  readonly #ring = new ConsoleRing(256);
  readonly #listener = new MemoryListener();
  readonly #service: VmService;
  readonly #link: ManagerLink;
  #socket = new MemorySocket();
  readonly #vm: LendingVm;
  #recorded: () => void = () => undefined;
  #seen = 0;
  /** What was recorded and not read yet. */
  #chunks: TraceChunk[] = [];
  #isTraced = false;
  #overfull = false;

  constructor(setup: Choices, probe: Probe) {
    this.#probe = probe;
    const dma = setup.chance(128) ? 'iommufd' : 'container';
    this.#vm = new LendingVm(probe, this.#ring, 2 - setup.below(3), setup.below(6));
    this.#service = new VmService(this.#vm, (event) => this.#link.tell(event));
    this.#link = new ManagerLink(this.#listener.asListener, {
      name: 'web',
      dma,
      managerUserId: 0,
      ring: this.#ring,
      answer: (request, fds) => this.#service.answer(request, fds),
      recall: () => this.#service.recall(),
      openTrace: (grown) => {
        this.#probe.check(!this.#isTraced, 'a trace was opened twice');
        this.#isTraced = true;
        this.#recorded = grown;
        return { read: () => this.#chunks.shift(), close: () => this.#closeTrace() };
      },
    });
    this.#connect();
  }

  async operate(choices: Choices): Promise<void> {
    switch (choices.below(8)) {
      case 0:
      case 1:
      case 2:
        await this.#ask(choices);
        break;
      case 3:
      case 4:
      case 5:
        this.#hear(choices);
        break;
      case 6:
        this.#happen(choices);
        break;
      default:
        this.#traffic(choices);
    }
    this.#probe.note(4, this.#link.idle ? 1 : 0);
    // What was put off until the caller is done.
    await Promise.resolve();
    if (this.#overfull) this.#probe.check(this.#socket.isClosed, 'a manager that reads nothing is kept');
    this.#overfull = false;
    this.#look();
  }

  finish(): void {
    this.#link.close();
    this.#probe.check(this.#socket.isClosed, 'the connection outlived the link');
    this.#probe.check(!this.#isTraced, 'the trace outlived the link');
  }

  #closeTrace(): void {
    this.#isTraced = false;
    this.#chunks = [];
  }

  #connect(): void {
    const before = this.#socket;
    this.#socket = new MemorySocket();
    this.#seen = 0;
    this.#listener.connect(this.#socket);
    this.#probe.check(this.#socket.sent.length > 0, 'a manager that connects hears nothing');
    before.close();
  }

  /** A request, or bytes that are none: it is answered, or the connection ends. */
  async #ask(choices: Choices): Promise<void> {
    if (this.#socket.isClosed) this.#connect();
    const value = chosenJson(choices.pick(REQUESTS) ?? {}, choices, {});
    const payload = perhapsTooLong(chosenJsonText(value, choices), choices);
    const before = this.#socket.sent.length;
    const isFree = this.#socket.room > 1000 && this.#link.idle && !this.#socket.isDeaf;
    this.#socket.deliver(payload);
    for (let turn = 0; turn < MOST_TURNS; turn++) await Promise.resolve();
    const request = decodeRequest(payload);
    this.#probe.note(1, request === undefined ? 0 : 1 + OPERATIONS.indexOf(request.op));
    if (request === undefined)
      return this.#probe.check(this.#socket.isClosed, 'a request that makes no sense was listened to');
    if (!isFree) return;
    const answers = this.#socket.sent.slice(before).map((bytes) => decodeFromVm(bytes));
    const replies = answers.filter((each) => each !== undefined && 'reply' in each && each.reply === request.id);
    this.#probe.check(replies.length === 1, () => `${replies.length} replies to one request`);
    const [reply] = replies;
    if (reply === undefined || !('reply' in reply) || !reply.ok) return;
    this.#probe.check(
      decodeResult(request.op, reply.result) !== undefined,
      () => `the result of ${request.op} is none that the manager takes`,
    );
  }

  /** What a VM process may say to its manager, who checks it. */
  #hear(choices: Choices): void {
    if (choices.chance(64)) {
      const op = choices.pick(OPERATIONS) ?? 'ping';
      const result = decodeResult(op, chosenJson(RESULTS[choices.below(RESULTS.length)] ?? {}, choices, {}));
      this.#probe.note(2, result === undefined ? 0 : 1 + OPERATIONS.indexOf(op));
      isPlain(this.#probe, result);
      return;
    }
    const payload = perhapsTooLong(
      chosenJsonText(chosenJson(choices.pick(FROM_VM) ?? {}, choices, {}), choices),
      choices,
    );
    const heard = decodeFromVm(payload);
    this.#probe.note(3, heard === undefined ? 0 : 'reply' in heard ? 1 : 2 + heard.event.length);
    isPlain(this.#probe, heard);
    if (heard === undefined || 'reply' in heard || heard.event === 'hello') return;
    const event = asPortEvent(heard);
    this.#probe.check(JSON.stringify(event).length <= MAX_MESSAGE_BYTES * 4, 'an event is larger than what told of it');
  }

  /** What happens in the VM. */
  #happen(choices: Choices): void {
    const name = choices.pick(['0000:01:00.0', '0000:02:00.0', '0000:01:00.1'] as const);
    const text = choices.pick(['Linux 6.1', 'x'.repeat(9000), '\u001b[0m', '\u{1f600}'.repeat(3000)] as const);
    switch (choices.below(8)) {
      case 0:
        return this.#service.guestOs(choices.chance(64) ? undefined : text);
      case 1:
        return this.#service.crashed({
          vp: choices.below(4),
          parameters: [choices.long(), 0n, 1n, 2n, 3n],
          ...(choices.chance(64) ? {} : { message: text.slice(0, 4096) }),
        });
      case 2:
        return this.#service.releaseRequested(name);
      case 3:
        return this.#service.functionFailed(name, text);
      case 4:
        this.#vm.ejects.shift()?.(choices.pick(['ejected', 'deadline', 'refused'] as const));
        return;
      case 5:
        if (!choices.chance(24)) return;
        return this.#service.ended(choices.chance(128) ? { kind: 'power-off' } : { kind: 'failed', detail: text });
      case 6:
        if (!this.#isTraced) return;
        this.#chunks.push({ records: RECORD, lost: choices.below(3) });
        return this.#recorded();
      default:
        this.#ring.push(choices.bytes(choices.below(600)));
        this.#link.consoleGrew();
    }
  }

  #traffic(choices: Choices): void {
    switch (choices.below(9)) {
      case 7:
        return this.#listener.connect(undefined);
      case 8:
        // It is told by the next thing that is sent or read.
        if (!choices.chance(64) || this.#socket.isClosed) return;
        if (choices.chance(128)) {
          this.#socket.isDeaf = true;
          return;
        }
        this.#socket.isBroken = true;
        if (choices.chance(128)) this.#service.guestOs('Linux');
        else this.#socket.deliver(new Uint8Array());
        // Another manager is there before anybody has noticed.
        if (choices.chance(64)) this.#connect();
        return;
      case 5: {
        const stranger = new MemorySocket(1000);
        this.#listener.connect(stranger);
        return this.#probe.check(stranger.isClosed && stranger.sent.length === 0, 'a stranger is listened to');
      }
      case 6:
        if (!this.#socket.isClosed) this.#socket.hangUp();
        return;
      case 0:
        this.#socket.room = choices.below(3);
        return;
      case 1:
        // Read all of it, or nothing for a long while.
        this.#vm.untakenBytes = choices.chance(64) ? MOST_UNTAKEN_BYTES : 0;
        return;
      case 2:
        this.#connect();
        return;
      case 3:
        // A manager that doesn't read, of a VM that has much to say.
        if (!choices.chance(24)) return;
        this.#socket.room = 0;
        for (let i = 0; i < MOST_UNSENT + 10; i += 1) this.#service.guestOs('Linux');
        this.#overfull = true;
        return;
      default:
        if (!this.#socket.isClosed) this.#socket.makeRoom(Number.POSITIVE_INFINITY);
    }
  }

  /** Whatever a VM process of ours says, a manager of ours understands. */
  #look(): void {
    for (const payload of this.#socket.sent.slice(this.#seen)) {
      this.#probe.check(payload.length <= MAX_MESSAGE_BYTES, () => `a message of ${payload.length} bytes`);
      if (decodeFromVm(payload) !== undefined) continue;
      this.#probe.fail(`the manager makes no sense of ${Buffer.from(payload).toString().slice(0, 120)}`);
    }
    this.#seen = this.#socket.sent.length;
  }
}

/** One byte more than a message may have, rarely: it takes as long as a hundred others. */
function perhapsTooLong(payload: Uint8Array, choices: Choices): Uint8Array {
  if (!choices.chance(2)) return payload;
  const longer = new Uint8Array(MAX_MESSAGE_BYTES + 1).fill(0x20);
  longer.set(payload.subarray(0, longer.length));
  return longer;
}

function recordOf(record: Uint8Array): Uint8Array {
  const chunk = new Uint8Array(4 + record.length);
  new DataView(chunk.buffer).setUint32(0, record.length, true);
  chunk.set(record, 4);
  return chunk;
}
