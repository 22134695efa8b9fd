import { ChannelFault, parseGuid, VmbusServer } from '../../src/vmbus/index.ts';
import { GuestChannel, makeGuestRings } from '../../src/vmbus/client/guest-channel.ts';
import { gpadlMessages } from '../../src/vmbus/client/gpadl-messages.ts';
import { CLOSECHANNEL, INITIATE_CONTACT, OPENCHANNEL, REQUESTOFFERS } from '../../src/vmbus/messages/from-guest.ts';
import { PACKETS_PER_TURN, SEND_QUEUE_LIMITS } from '../../src/vmbus/open-channel.ts';
import { PACKET_HEADER, packetSpace, RING_HEADER } from '../../src/vmbus/rings/ring-layout.ts';
import { CheckedDevice } from '../doubles/checked-device.ts';
import { HostileMemory } from '../doubles/hostile-memory.ts';
import { CheckedVmbusPort } from '../doubles/vmbus-port.ts';
import type { Choices } from '../engine/choices.ts';
import type { Probe } from '../engine/probe.ts';
import type { Run, Target } from '../engine/target.ts';

const PAGE_BYTES = 4096;
/** Upstream: its header page and two data pages, not side by side; downstream: the same; then pages that nobody was given. */
const UPSTREAM = [2, 5, 3] as const;
const DOWNSTREAM = [4, 7, 6] as const;
const UNTOUCHED = [0, 1, 8] as const;
const PAGES = 9;
const CANARY = 0xc7;
const UPSTREAM_BYTES = 2 * PAGE_BYTES;
const RELID = 1;
const SIGNAL_CONNECTION = 0x2001;
const WORDS = RING_HEADER.fields;

const OPEN = OPENCHANNEL.encode({ relid: RELID, openId: 1, ringGpadl: 1, downstreamPageOffset: UPSTREAM.length });

const memory = new HostileMemory(PAGES);

/** Rings whose indices and bytes change while the host reads them; and an honest guest, whose packets must all arrive. */
export const rings: Target = {
  name: 'rings',
  title: 'ring headers, indices and packets, changed by the guest while they are being read',
  setupBytes: 6,
  operationBytes: 64,
  mostOperations: 120,
  // A turn reads 64 packets, each answered twice, and flushes 256 that wait; a packet takes some fifteen accesses either way.
  workLimit: 10_000,
  mostBetweenLooks: 40_000,
  begin: (setup, probe) => new RingRun(setup, probe),
};

interface Said {
  readonly kind: 'in-band' | 'completion';
  readonly transactionId: bigint;
  readonly payload: Uint8Array;
}

class RingRun implements Run {
  readonly #probe: Probe;
  readonly #honest: boolean;
  readonly #port: CheckedVmbusPort;
  readonly #server: VmbusServer;
  readonly #device: CheckedDevice;
  #guest: GuestChannel | undefined;
  /** What the guest has sent and the device hasn't heard; and what the device has said and the guest hasn't read. */
  #underWay: Said[] = [];
  #answers: Said[] = [];
  #flagsSeen = 0;
  #transactions = 0n;
  #heard = 0;
  /** Stretches of upstream data that were copied out since the host last moved its read index. */
  #copied: { readonly from: number; readonly to: number }[] = [];
  #writeIndex = 0;

  constructor(setup: Choices, probe: Probe) {
    this.#probe = probe;
    this.#honest = setup.chance(96);
    memory.renew(probe);
    for (const gpn of UNTOUCHED) memory.bytes.fill(CANARY, gpn * PAGE_BYTES, (gpn + 1) * PAGE_BYTES);
    this.#port = new CheckedVmbusPort(probe, 2);
    this.#server = new VmbusServer({ memory, port: this.#port, vpCount: 2 });
    this.#device = new CheckedDevice(probe);
    this.#device.maxReplyBytes = setup.pick([64, 8, 2000, 9000] as const);
    this.#device.heard = (packet) => this.#hear(packet);
    this.#device.said = (kind, transactionId, payload) => {
      if (this.#honest) this.#answers.push({ kind, transactionId, payload: payload.slice() });
    };
    const instanceId = parseGuid('00000000-9bcd-1234-0000-000000000001');
    this.#server.offer({
      interfaceId: parseGuid('44c4f61d-4444-4400-9d52-802e27ede19f'),
      instanceId,
      device: this.#device,
    });
    this.#post(INITIATE_CONTACT.encode({ version: 0x0005_0003, sint: 2 }));
    this.#post(REQUESTOFFERS.encode({}));
    const gpns = [...UPSTREAM, ...DOWNSTREAM];
    for (const message of gpadlMessages(RELID, 1, [{ byteCount: gpns.length * PAGE_BYTES, byteOffset: 0, gpns }]))
      this.#post(message);
    this.#open();
  }

  operate(choices: Choices): void {
    memory.calm();
    this.#copied = [];
    this.#heard = 0;
    switch (choices.below(12)) {
      case 0:
      case 1:
      case 2:
      case 3:
        this.#send(choices);
        break;
      case 4:
        this.#hostSays(choices);
        break;
      case 5:
        this.#takeInterrupts();
        break;
      case 6:
        this.#port.runScheduled(1);
        break;
      case 7:
        if (choices.chance(64)) this.#reopen(choices);
        break;
      default:
        if (!this.#honest) this.#misbehave(choices);
        else if (this.#guest !== undefined) this.#guest.reading = choices.chance(128);
    }
    memory.calm();
    this.#check();
  }

  finish(): void {
    for (const gpn of UNTOUCHED) {
      const page = memory.bytes.subarray(gpn * PAGE_BYTES, (gpn + 1) * PAGE_BYTES);
      this.#probe.check(
        page.every((byte) => byte === CANARY),
        () => `page ${gpn}, which is no ring's, was written`,
      );
    }
    const guest = this.#guest;
    if (!this.#honest || guest === undefined) return;
    // Nobody signals for nothing any more: what was sent must come by the signals that were asked for.
    guest.reading = true;
    this.#probe.work = 0;
    guest.interrupted();
    for (
      let turn = 0;
      turn < 400 && (this.#port.scheduledCount > 0 || this.#port.flags !== this.#flagsSeen);
      turn += 1
    ) {
      this.#probe.work = 0;
      this.#heard = 0;
      this.#port.runScheduled(4);
      this.#takeInterrupts();
    }
    if (!this.#device.isOpen) return;
    this.#probe.check(
      this.#underWay.length === 0,
      () => `${this.#underWay.length} packets of an honest guest never came`,
    );
    this.#probe.check(
      this.#answers.length === 0,
      () => `${this.#answers.length} packets to an honest guest never came`,
    );
  }

  #open(): void {
    makeGuestRings(memory, [...UPSTREAM, ...DOWNSTREAM], UPSTREAM.length);
    memory.watcher = {
      // An honest guest is here, too, and reads what it likes.
      read: (gpa, sizeBytes) => {
        if (!this.#honest) this.#watchRead(gpa, sizeBytes);
      },
      stored: (gpa) => {
        if (gpa === UPSTREAM[0] * PAGE_BYTES + WORDS.readIndex.offset) this.#copied = [];
      },
    };
    this.#writeIndex = 0;
    this.#underWay = [];
    this.#answers = [];
    this.#post(OPEN);
    this.#probe.check(this.#device.isOpen, 'a channel that an honest guest opens is not open');
    if (!this.#honest) return;
    const guest = new GuestChannel({
      relid: RELID,
      gpadl: 1,
      gpns: [...UPSTREAM, ...DOWNSTREAM],
      rings: makeGuestRings(memory, [...UPSTREAM, ...DOWNSTREAM], UPSTREAM.length),
      signalHost: () => this.#signal(),
      settle: () => undefined,
      onClose: () => undefined,
    });
    guest.onPacket = ({ kind, transactionId, payload }) => {
      const expected = this.#answers.shift();
      if (expected === undefined) return this.#probe.fail('the guest read a packet that nobody sent');
      this.#probe.check(
        sameSaid(expected, { kind, transactionId, payload }),
        'the guest read another packet than was sent',
      );
    };
    this.#guest = guest;
  }

  #reopen(choices: Choices): void {
    this.#post(CLOSECHANNEL.encode({ relid: RELID }));
    this.#probe.check(!this.#device.isOpen, 'a channel that the guest closed is open');
    if (this.#honest || choices.chance(128)) return this.#open();
    // Rings that were used before, and that go on anywhere: the host may refuse them.
    for (const gpn of [UPSTREAM[0], DOWNSTREAM[0]]) {
      for (const { offset } of [WORDS.readIndex, WORDS.writeIndex]) {
        const index = choices.chance(64) ? UPSTREAM_BYTES : 8 * choices.below(UPSTREAM_BYTES / 8 + 1);
        memory.pokeWord(gpn * PAGE_BYTES + offset, index);
      }
    }
    this.#post(OPEN);
  }

  #send(choices: Choices): void {
    this.#device.manner = choices.pick(['echo', 'echo', 'silent', 'long'] as const);
    const times = choices.chance(24) ? 1 + choices.below(120) : 1;
    const bytes = choices.chance(32) ? choices.below(7000) : choices.below(65);
    if (!this.#honest) memory.arm(choices);
    for (let i = 0; i < times; i += 1) {
      this.#transactions += 1n;
      this.#probe.fed();
      const payload = new Uint8Array(bytes);
      payload.set(choices.bytes(Math.min(16, bytes)));
      if (this.#honest) this.#sendHonestly(payload, choices);
      else this.#write(choices, payload);
    }
    if (!this.#honest && !choices.chance(16)) this.#signal();
  }

  #sendHonestly(payload: Uint8Array, choices: Choices): void {
    if (this.#guest === undefined || !this.#device.isOpen || !this.#guest.outgoing.hasRoom(payload.length)) return;
    const packet = { transactionId: this.#transactions, payload, completionRequested: choices.chance(128) };
    this.#underWay.push({ kind: 'in-band', ...packet });
    this.#probe.work = 0;
    this.#guest.trySend(packet);
  }

  /** A packet by its layout, now and then with a field that can't be, put where the ring goes on. */
  #write(choices: Choices, payload: Uint8Array): void {
    const space = packetSpace(payload.length);
    const bytes = new Uint8Array(space);
    const header = PACKET_HEADER.encode({
      type: choices.chance(12) ? choices.word() : choices.chance(12) ? 0xb : 6,
      dataOffsetUnits: choices.chance(16) ? choices.word() : 2,
      lengthUnits: choices.chance(16) ? choices.word() : (space - 8) / 8,
      flags: choices.below(2),
      transactionId: this.#transactions,
    });
    bytes.set(header);
    bytes.set(payload, header.length);
    for (let i = 0; i < space; i += 1) this.#dataByte((this.#writeIndex + i) % UPSTREAM_BYTES, bytes[i] ?? 0);
    this.#writeIndex = (this.#writeIndex + space) % UPSTREAM_BYTES;
    const told = choices.chance(12) ? (choices.chance(128) ? UPSTREAM_BYTES : choices.word()) : this.#writeIndex;
    memory.pokeWord(UPSTREAM[0] * PAGE_BYTES + WORDS.writeIndex.offset, told);
  }

  #dataByte(offset: number, value: number): void {
    const gpn = offset < PAGE_BYTES ? UPSTREAM[1] : UPSTREAM[2];
    memory.bytes[gpn * PAGE_BYTES + (offset % PAGE_BYTES)] = value;
  }

  #misbehave(choices: Choices): void {
    const page = choices.chance(128) ? UPSTREAM[0] : DOWNSTREAM[0];
    const field = choices.pick([
      WORDS.readIndex,
      WORDS.writeIndex,
      WORDS.interruptMask,
      WORDS.pendingSendSize,
    ] as const);
    memory.pokeWord(
      page * PAGE_BYTES + field.offset,
      choices.chance(200) ? 4 * choices.below(UPSTREAM_BYTES / 4 + 2) : choices.word(),
    );
    // A guest that has read all there is.
    if (choices.chance(96)) {
      const written = memory.word(DOWNSTREAM[0] * PAGE_BYTES + WORDS.writeIndex.offset);
      memory.pokeWord(DOWNSTREAM[0] * PAGE_BYTES + WORDS.readIndex.offset, written);
    }
    memory.arm(choices);
    if (choices.chance(128)) this.#signal();
  }

  #hostSays(choices: Choices): void {
    if (!this.#honest) memory.arm(choices);
    const bytes = choices.chance(12) ? choices.below(9000) : choices.below(200);
    const times = choices.chance(24) ? 1 + choices.below(300) : 1;
    for (let i = 0; i < times && this.#device.isOpen; i += 1) {
      this.#probe.work = 0;
      this.#device.say(new Uint8Array(bytes).fill(i));
    }
  }

  /** Each signal is an operation of its own: an honest guest gives several while it reads what the last one brought. */
  #signal(): void {
    this.#probe.work = 0;
    this.#probe.check(
      this.#server.handleSignal(SIGNAL_CONNECTION, 0) === 0,
      'a channel that is offered can not be signalled',
    );
    this.#probe.work = 0;
  }

  #takeInterrupts(): void {
    if (this.#guest === undefined || this.#port.flags === this.#flagsSeen) return;
    this.#flagsSeen = this.#port.flags;
    try {
      this.#guest.interrupted();
    } catch (error) {
      if (!(error instanceof ChannelFault)) throw error;
      this.#probe.fail(`an honest guest finds its ring broken: ${error.message}`);
    }
  }

  #hear(packet: {
    readonly kind: 'in-band' | 'completion';
    readonly transactionId: bigint;
    readonly payload: Uint8Array;
  }): void {
    this.#heard += 1;
    this.#probe.check(
      packet.payload.byteLength <= UPSTREAM_BYTES,
      () => `a payload of ${packet.payload.byteLength} bytes from a smaller ring`,
    );
    if (!this.#honest) return;
    const expected = this.#underWay.shift();
    if (expected === undefined) return this.#probe.fail('the device heard a packet that nobody sent');
    this.#probe.check(sameSaid(expected, packet), 'the device heard another packet than was sent');
  }

  /** What is decided on is a copy: no byte of a packet is fetched twice. */
  #watchRead(gpa: number, sizeBytes: number): void {
    const gpn = Math.floor(gpa / PAGE_BYTES);
    if (gpn !== UPSTREAM[1] && gpn !== UPSTREAM[2]) return;
    const from = gpa;
    const to = gpa + sizeBytes;
    this.#probe.check(
      this.#copied.every((part) => to <= part.from || from >= part.to),
      'a byte of a packet was read twice',
    );
    this.#copied.push({ from, to });
  }

  #check(): void {
    const { offers, events } = this.#server.snapshot();
    const [offer] = offers;
    const queued = offer?.queued ?? 0;
    this.#probe.check(queued <= SEND_QUEUE_LIMITS.packets, () => `${queued} packets wait for room`);
    // A signal of its own for each packet that is sent in one go; each may take a whole turn.
    this.#probe.check(this.#heard <= PACKETS_PER_TURN * 121, () => `${this.#heard} packets in one go`);
    this.#probe.check(this.#port.scheduledCount <= 8, () => `${this.#port.scheduledCount} turns wait`);
    this.#port.checkLog(events);
    this.#probe.note(1, (offer?.state.length ?? 0) * 64 + Math.min(queued, 40));
    this.#probe.note(2, Math.min(this.#heard, 70));
    if (this.#honest && offer?.state === 'faulted') this.#endsRightly(queued);
  }

  /** An honest guest loses its channel only when it leaves too much unread, or is sent what its ring can't hold. */
  #endsRightly(queued: number): void {
    const tooLong = this.#answers.some(({ payload }) => packetSpace(payload.length) >= 2 * PAGE_BYTES);
    const tooMuch = this.#answers.length > SEND_QUEUE_LIMITS.packets;
    const tooManyBytes = this.#answers.reduce((sum, { payload }) => sum + payload.length, 0) > SEND_QUEUE_LIMITS.bytes;
    this.#probe.check(tooLong || tooMuch || tooManyBytes || queued > 0, 'an honest guest lost its channel');
  }

  #post(message: Uint8Array): void {
    this.#server.handlePost(message[0] === INITIATE_CONTACT.type ? 4 : 1, 1, message);
    this.#port.waiting = [];
  }
}

function sameSaid(a: Said, b: Said): boolean {
  const padded = Math.ceil(a.payload.length / 8) * 8;
  return (
    a.kind === b.kind &&
    a.transactionId === b.transactionId &&
    b.payload.length === padded &&
    Buffer.compare(a.payload, b.payload.subarray(0, a.payload.length)) === 0
  );
}
