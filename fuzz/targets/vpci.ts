import { ChannelFault } from '../../src/vmbus/index.ts';
import { deviceIdOf, instanceIdFor, VpciProvider, type VpciSnapshot, VpciVersion } from '../../src/vpci/index.ts';
import { FakeMachine } from '../../src/vpci/testing/fake-machine.ts';
import { SpyFunction } from '../../src/vpci/testing/spy-function.ts';
import { describePacket } from '../../src/vpci/wire/describe.ts';
import {
  GUEST_MESSAGES,
  guestMessageName,
  type GuestMessageName,
  MESSAGE_TYPE_BASE,
} from '../../src/vpci/wire/guest-messages.ts';
import type { MessageShape, Shape } from '../../src/vpci/wire/shape.ts';
import type { Choices } from '../engine/choices.ts';
import type { Probe } from '../engine/probe.ts';
import type { Run, Target } from '../engine/target.ts';
import { encodeChosen, type FieldValue, garbled } from './chosen-message.ts';
import { asLayout, encodeCell, encodeParts } from './vpci-structures.ts';

const INSTANCE = instanceIdFor({ serial: 0x1234_5678, domain: 0x9bcd, data3: 0x1234 });
const SLOTS = [0, 0x20] as const;
const NAMES = Object.keys(GUEST_MESSAGES) as GuestMessageName[];
const VERSIONS = Object.values(VpciVersion);
const WINDOW_GPA = 0xe000_0000n;
const MOST_MESSAGES = 494;
/** Of 32 messages each: more than there are values. */
const MANY_BLOCKS = 2100;

/** A provider with two functions, and a guest that sends what the layout tables allow and what they don't. */
export const vpci: Target = {
  name: 'vpci',
  title: 'vPCI packets of versions 1.1 to 1.4, the config window and retargeting, with ejections meanwhile',
  setupBytes: 4,
  operationBytes: 160,
  mostOperations: 100,
  workLimit: 2500,
  mostBetweenLooks: 40_000,
  begin: (setup, probe) => new VpciRun(setup, probe),
};

class VpciRun implements Run {
  readonly #probe: Probe;
  readonly #functions = [
    new SpyFunction(),
    new SpyFunction({
      bars: [
        { index: 0, kind: 'memory32', prefetchable: false, sizeBytes: 0x1000 },
        { index: 2, kind: 'memory64', prefetchable: true, sizeBytes: 2 ** 33 },
      ],
    }),
  ] as const;
  readonly #machine = new FakeMachine();
  readonly #provider: VpciProvider;
  readonly #version: VpciVersion;
  readonly #several: boolean;
  #sent: Uint8Array[] = [];
  #completed: bigint[] = [];
  /** Slots that the host asked to have back. */
  readonly #asked = new Set<number>();
  #packets = 0;

  constructor(setup: Choices, probe: Probe) {
    this.#probe = probe;
    this.#version = setup.pick(VERSIONS) ?? VpciVersion.V1_4;
    this.#several = !setup.chance(96);
    const [first, second] = this.#functions;
    const functions = this.#several
      ? [{ function: first }, { function: second, slot: SLOTS[1], virtualNumaNode: 1 }]
      : [{ function: first }];
    // Some hosts know no later version than this guest asks for.
    const limit = setup.chance(48) ? { maxVersion: this.#version } : {};
    this.#provider = new VpciProvider({ instanceId: INSTANCE, functions, port: this.#machine, ...limit });
    this.#machine.onEjection = (slot) => {
      this.#probe.check(this.#asked.has(slot), 'an ejection ended that nobody asked for');
      this.#handedBack(slot);
    };
    this.#open();
    if (!setup.chance(40)) this.#start();
  }

  operate(choices: Choices): void {
    switch (choices.below(14)) {
      case 0:
        this.#host(choices);
        break;
      case 1:
        this.#touchWindow(choices);
        break;
      case 2:
        this.#retarget(choices);
        break;
      case 3:
        if (choices.chance(48)) this.#makeInterrupts(choices);
        break;
      default:
        this.#message(choices);
    }
    this.#check();
  }

  finish(): void {
    this.#provider.closed('the end');
    this.#provider.surpriseRemoved();
    this.#check();
    this.#probe.check(
      this.#machine.targets.size === 0,
      () => `${this.#machine.targets.size} interrupts outlived the channel`,
    );
    this.#probe.check(this.#machine.window === undefined, 'the config window outlived the channel');
  }

  #open(): void {
    this.#provider.opened({
      sendInBand: (payload) => {
        this.#probe.step();
        this.#sent.push(payload);
      },
      complete: (transactionId, payload) => {
        this.#probe.step();
        this.#completed.push(transactionId);
        this.#sent.push(payload);
      },
    });
  }

  #start(): void {
    const words = (...values: number[]): Uint8Array => new Uint8Array(Uint32Array.from(values).buffer);
    this.#packet(words(GUEST_MESSAGES.QUERY_PROTOCOL_VERSION.messageType, this.#version), true);
    this.#packet(words(GUEST_MESSAGES.BUS_D0ENTRY.messageType, 0, Number(WINDOW_GPA), 0), true);
  }

  #message(choices: Choices): void {
    if (choices.chance(4)) {
      this.#packet(choices.bytes(choices.below(200)), choices.chance(128));
      return;
    }
    const isNegotiated = this.#provider.snapshot().connection === 'negotiated';
    const asksVersion = !isNegotiated && choices.chance(160);
    const name = asksVersion ? 'QUERY_PROTOCOL_VERSION' : (choices.pick(NAMES) ?? 'QUERY_BUS_RELATIONS');
    // A second question for the version ends the channel: rarely, or nothing else is ever reached.
    if (name === 'QUERY_PROTOCOL_VERSION' && isNegotiated && !choices.chance(16)) return;
    const { messageType } = GUEST_MESSAGES[name];
    const shape: MessageShape = GUEST_MESSAGES[name];
    let payload = this.#encode(shape, choices, messageType);
    if (choices.chance(16)) payload = garbled(payload, choices);
    if (choices.chance(2) && payload.length > 0) payload[0] = MESSAGE_TYPE_BASE + choices.byte();
    this.#packet(payload, choices.chance(170), choices.chance(2));
  }

  #encode(shape: MessageShape, choices: Choices, messageType: number): Uint8Array {
    const { tail } = shape;
    const count = tail === undefined ? 0 : choices.chance(24) ? choices.below(600) : choices.below(5);
    const told = choices.chance(24) ? count + 1 : choices.chance(8) ? choices.word() : count;
    const fixed = encodeChosen(asLayout(shape), choices, (name, field, more) => {
      if (name === 'type') return messageType;
      if (tail !== undefined && name === tail.countField) return told;
      return this.#known(shape)(name, field, more);
    });
    if (tail === undefined) return fixed;
    const whole = new Uint8Array(fixed.length + count * tail.cellBytes);
    whole.set(fixed);
    // Many cells are all the same, or a message would take more choices than an operation has.
    const cell = encodeCell(tail, choices);
    for (let i = 0; i < count; i += 1) {
      const each = count <= 4 ? encodeCell(tail, choices) : cell;
      whole.set(each.subarray(0, tail.cellBytes), fixed.length + i * tail.cellBytes);
    }
    return whole;
  }

  #known(shape: Shape): FieldValue {
    return (name, field, choices) => {
      const part = shape.parts?.[name];
      if (part !== undefined)
        return encodeParts(part, field.sizeBytes, choices, this.#provider.snapshot().functions[0]?.messages ?? 0);
      switch (name) {
        case 'slot':
          return choices.chance(12) ? undefined : choices.pick(SLOTS);
        case 'version':
          return choices.chance(48) ? undefined : choices.pick(VERSIONS);
        case 'windowGpa':
          return choices.chance(48) ? undefined : choices.pick([WINDOW_GPA, WINDOW_GPA + 0x2000n] as const);
        case 'state':
          return choices.chance(48) ? undefined : choices.pick([1, 4] as const);
        default:
          return undefined;
      }
    };
  }

  #packet(payload: Uint8Array, completionRequested: boolean, isCompletion = false): void {
    this.#packets += 1;
    this.#probe.fed();
    this.#sent = [];
    this.#completed = [];
    const before = payload.slice();
    const functions = this.#provider.snapshot().functions;
    const transactionId = BigInt(this.#packets);
    try {
      this.#provider.packet({
        kind: isCompletion ? 'completion' : 'in-band',
        transactionId,
        completionRequested,
        payload,
      });
    } catch (error) {
      if (!(error instanceof ChannelFault)) throw error;
      this.#probe.check(this.#sent.length === 0, 'a channel that ends said something before');
      this.#provider.closed('fault');
      this.#check();
      this.#open();
      this.#start();
      return;
    }
    const { snapshot, maxReplyBytes } = {
      snapshot: this.#provider.snapshot(),
      maxReplyBytes: this.#provider.maxReplyBytes,
    };
    const sentBytes = this.#sent.reduce((sum, { byteLength }) => sum + byteLength, 0);
    this.#probe.check(Buffer.compare(payload, before) === 0, 'a packet was written to');
    this.#probe.check(
      this.#completed.length === (completionRequested ? 1 : 0),
      () => `${this.#completed.length} completions`,
    );
    this.#probe.check(
      this.#completed.every((id) => id === transactionId),
      'another packet was completed',
    );
    this.#probe.check(this.#sent.length <= 2, () => `${this.#sent.length} packets for one`);
    this.#probe.check(sentBytes <= maxReplyBytes, () => `${sentBytes} bytes for one packet`);
    this.#othersKeep(functions, payload);
    if (this.#packets % 8 === 0) this.#describe(payload);
    const type = payload.length < 4 ? 0 : new DataView(payload.buffer, payload.byteOffset).getUint16(0, true);
    this.#probe.note(
      1,
      (Math.min(type, 63) << 4) | (statusOf(this.#sent.at(-1)) & 7) | (snapshot.windowGpa === undefined ? 0 : 8),
    );
  }

  /** What is asked of one function changes nothing of another's interrupts. */
  #othersKeep(before: VpciSnapshot['functions'], payload: Uint8Array): void {
    if (payload.length < 8) return;
    const view = new DataView(payload.buffer, payload.byteOffset);
    const name = guestMessageName(view.getUint32(0, true));
    if (name === undefined || !/INTERRUPT|RESOURCES/.test(name)) return;
    const slot = view.getUint32(4, true);
    for (const [index, { slot: other, messages }] of this.#provider.snapshot().functions.entries()) {
      const same = other === slot || messages === before[index]?.messages;
      this.#probe.check(same, () => `${name} for slot ${slot} changed the interrupts of slot ${other}`);
    }
  }

  /** The trace prints whatever there was, in one line. */
  #describe(payload: Uint8Array): void {
    const type = payload.length < 4 ? undefined : new DataView(payload.buffer, payload.byteOffset).getUint32(0, true);
    const lines = [describePacket(payload, 'guest-to-host'), describePacket(payload, 'host-to-guest')];
    for (const answer of this.#sent) {
      lines.push(describePacket(answer, 'completion', type), describePacket(answer, 'host-to-guest'));
    }
    this.#probe.check(
      lines.every((line) => line.length < 6000 && !/\p{C}/u.test(line)),
      'a trace line that is no line',
    );
  }

  #host(choices: Choices): void {
    const { functions } = this.#provider.snapshot();
    switch (choices.below(6)) {
      case 0:
      case 1: {
        const slot = functions[choices.below(functions.length)]?.slot ?? 0;
        if (this.#provider.eject(slot) === 'sent') this.#asked.add(slot);
        return;
      }
      case 2:
        if (!choices.chance(64)) return;
        this.#provider.surpriseRemoved();
        for (const { slot } of functions) this.#handedBack(slot);
        return;
      case 3:
        this.#machine.windowAnswer = choices.chance(200) ? true : -0x3fff_ffff;
        return;
      case 4:
        this.#provider.interruptTarget({
          address: choices.chance(64) ? 0xfee0_0000n : 0xfee9_bcd0n,
          data: choices.word(),
        });
        this.#provider.configWindowPlan();
        return;
      default:
        this.#provider.closed('closed');
        this.#check();
        // A channel that has ended before it was open.
        if (choices.chance(24)) this.#provider.closed('closed once more');
        this.#open();
        if (choices.chance(200)) this.#start();
    }
  }

  /** Blocks of messages that come and go, so many at times that their values begin anew beside those that stayed. */
  #makeInterrupts(choices: Choices): void {
    const slot = choices.pick(SLOTS) ?? 0;
    const { CREATE_INTERRUPT, DELETE_INTERRUPT } = GUEST_MESSAGES;
    const descriptor = new Uint8Array(16);
    // Vector, delivery mode, count, and VP 0 of the mask.
    descriptor.set([0x40, 0, choices.pick([32, 32, 1, 5] as const), 0, 0, 0, 0, 0, 1]);
    const asked = { type: CREATE_INTERRUPT.messageType, slot, interrupt: descriptor };
    const create = CREATE_INTERRUPT.layout.encode(asked);
    // Seldom: it takes as long as a hundred runs.
    const isMany = choices.chance(2) && choices.chance(64);
    const keepsAll = choices.chance(48);
    for (let left = isMany ? MANY_BLOCKS : choices.below(20); left > 0; left -= 1) {
      this.#probe.work = 0;
      this.#packet(create.slice(), true);
      const token = this.#sent.at(-1)?.slice(8, 24);
      if (token?.length !== 16) return;
      if (keepsAll || choices.chance(12)) continue;
      const gone = { type: DELETE_INTERRUPT.messageType, slot, interrupt: token };
      this.#packet(DELETE_INTERRUPT.layout.encode(gone), false);
    }
  }

  #touchWindow(choices: Choices): void {
    const size = choices.pick([4, 1, 2, 8, 3] as const);
    const offset = choices.chance(128)
      ? 0x1000 + choices.below(0x40)
      : choices.chance(64)
        ? 0x1ff0 + choices.below(0x20)
        : choices.chance(128)
          ? 0
          : choices.below(0x2010);
    if (choices.chance(128)) {
      this.#provider.configWindowWrite(offset, size, choices.chance(128) ? (choices.pick(SLOTS) ?? 0) : choices.word());
      return;
    }
    const value = this.#provider.configWindowRead(offset, size);
    this.#probe.check(
      Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff,
      () => `the config window reads ${value}`,
    );
  }

  #retarget(choices: Choices): void {
    const result = this.#provider.retarget({
      deviceId: choices.chance(24) ? choices.word() : deviceIdOf(INSTANCE, choices.below(2)),
      addressLow: choices.chance(24) ? choices.word() : 0xfee9_bcd0,
      data: choices.chance(24) ? choices.word() : choices.below(16),
      vector: choices.chance(24) ? choices.word() : 16 + choices.below(240),
      vps: [choices.below(4)],
    });
    this.#probe.note(2, result.length);
  }

  #handedBack(slot: number): void {
    const index = SLOTS.findIndex((each) => each === slot);
    const spy = this.#functions[index];
    if (spy !== undefined) spy.handedBack = true;
  }

  #check(): void {
    const { windowGpa, functions, connection } = this.#provider.snapshot();
    const messages = functions.reduce((sum, each) => sum + each.messages, 0);
    const probe = this.#probe;
    probe.check(this.#machine.window?.gpa === windowGpa, 'the machine has another config window than the provider');
    probe.check(
      this.#machine.targets.size === messages,
      () => `${messages} messages, of which ${this.#machine.targets.size} are different`,
    );
    probe.check(
      functions.every((each) => each.messages <= MOST_MESSAGES),
      'more messages than one function may have',
    );
    probe.check(
      functions.every((each) => each.state !== 'gone' || each.messages === 0),
      'a function that is gone has messages',
    );
    probe.check(windowGpa !== undefined || messages === 0, 'messages outside of D0');
    probe.check(connection === 'negotiated' || windowGpa === undefined, 'a config window without a version');
    for (const { vector } of this.#machine.targets.values())
      probe.check(vector >= 16 && vector <= 255, () => `vector ${vector}`);
    probe.check(
      this.#machine.logged.length <= 3 * (9 + Math.log2(this.#packets + 1)),
      () => `${this.#machine.logged.length} log lines`,
    );
    for (const { state } of functions) probe.note(3, state.length * 16 + connection.length);
    probe.note(4, Math.min(messages, 40));
  }
}

function statusOf(reply: Uint8Array | undefined): number {
  return reply === undefined || reply.length < 4 ? 0 : (reply[0] ?? 0);
}
