import {
  type Offer,
  parseGuid,
  ProtocolVersion,
  VmbusError,
  VmbusServer,
  type VmbusSnapshot,
} from '../../src/vmbus/index.ts';
import { decodeHostMessage } from '../../src/vmbus/client/host-message.ts';
import { encodeRanges, gpadlMessages } from '../../src/vmbus/client/gpadl-messages.ts';
import { GPADL_LIMITS } from '../../src/vmbus/gpadl-table.ts';
import * as messages from '../../src/vmbus/messages/from-guest.ts';
import { MAX_OFFERS } from '../../src/vmbus/offer-table.ts';
import { CheckedDevice } from '../doubles/checked-device.ts';
import { HostileMemory } from '../doubles/hostile-memory.ts';
import { CheckedVmbusPort } from '../doubles/vmbus-port.ts';
import type { Choices } from '../engine/choices.ts';
import type { Probe } from '../engine/probe.ts';
import type { Run, Target } from '../engine/target.ts';
import { encodeChosen, type FieldValue, garbled } from './chosen-message.ts';

const PAGES = 32;
const PAGE_BYTES = 4096;
const VP_COUNT = 2;
const INTERFACE = parseGuid('44c4f61d-4444-4400-9d52-802e27ede19f');
const VERSIONS = Object.values(ProtocolVersion);
const LAYOUTS = Object.values(messages);
/** Those that get a channel opened; sent more often than the rest. */
const WAY = [messages.GPADL_HEADER, messages.OPENCHANNEL, messages.CLOSECHANNEL, messages.GPADL_TEARDOWN] as const;
const MOST_PART_BYTES = 208;
/** States of offers that the guest may name. */
const HELD: ReadonlySet<string> = new Set(['offered', 'open', 'faulted', 'rescinded']);

const memory = new HostileMemory(PAGES);

/** VMBus messages of every version in any order, GPADLs in pieces, and a host that offers and rescinds meanwhile. */
export const vmbus: Target = {
  name: 'vmbus',
  title: 'VMBus messages of versions 2.4 to 6.0, GPADLs whole and in pieces, signals, offers and rescinds',
  setupBytes: 4,
  operationBytes: 96,
  mostOperations: 120,
  // A thousand GPADLs that are abandoned at once are answered one by one, each after a look at where it stands.
  workLimit: 6000,
  mostBetweenLooks: 40_000,
  begin: (setup, probe) => new VmbusRun(setup, probe),
};

class VmbusRun implements Run {
  readonly #probe: Probe;
  readonly #port: CheckedVmbusPort;
  readonly #server: VmbusServer;
  readonly #devices = new Map<Offer, CheckedDevice>();
  #snapshot: VmbusSnapshot;
  /** The range buffer of a GPADL whose bodies are still to be sent. */
  #rest = new Uint8Array();

  constructor(setup: Choices, probe: Probe) {
    this.#probe = probe;
    memory.renew(probe);
    this.#port = new CheckedVmbusPort(probe, VP_COUNT);
    const maxVersion = setup.chance(64) ? setup.pick(VERSIONS) : undefined;
    const options = { memory, port: this.#port, vpCount: VP_COUNT };
    this.#server = new VmbusServer(maxVersion === undefined ? options : { ...options, maxVersion });
    for (let count = 1 + setup.below(2); count > 0; count -= 1) this.#offer(count);
    if (!setup.chance(48)) {
      const version = setup.pick(VERSIONS) ?? ProtocolVersion.V5_3;
      this.#post(messages.INITIATE_CONTACT.encode({ version, sint: version >= ProtocolVersion.V5_0 ? 2 : 0 }));
      this.#post(messages.REQUESTOFFERS.encode({}));
    }
    this.#snapshot = this.#server.snapshot();
    this.#listen();
  }

  operate(choices: Choices): void {
    memory.calm();
    if (choices.chance(64)) memory.arm(choices);
    const { messages: messagesBefore, flags } = this.#port;
    switch (choices.below(16)) {
      case 0:
        this.#host(choices);
        break;
      case 1:
        this.#server.handleSignal(
          choices.chance(32) ? choices.word() : 0x2000 + this.#relid(choices),
          choices.chance(8) ? choices.word() : 0,
        );
        break;
      case 2:
        memory.pokeWord(
          PAGE_BYTES * choices.below(PAGES) + 4 * choices.below(4),
          choices.chance(128) ? 8 * choices.below(600) : choices.word(),
        );
        break;
      case 3:
        this.#port.waiting = choices.chance(128) ? [] : this.#port.waiting;
        this.#port.runScheduled(4);
        break;
      case 4:
        this.#deviceSays(choices);
        break;
      case 5:
      case 6:
        this.#openHonestly(choices);
        break;
      default:
        this.#message(choices);
    }
    memory.calm();
    this.#listen();
    this.#check(this.#port.messages - messagesBefore, this.#port.flags - flags);
  }

  finish(): void {
    this.#server.reset();
    for (const offer of this.#devices.keys()) offer.rescind();
    this.#port.runScheduled(1000);
    const { gpadls, offers } = this.#server.snapshot();
    this.#probe.check(gpadls.count === 0 && gpadls.pages === 0, 'GPADLs are left over after a reset');
    this.#probe.check(offers.length === 0, 'offers are left over that were rescinded and had no guest');
  }

  #message(choices: Choices): void {
    const layout = (choices.chance(128) ? choices.pick(WAY) : choices.pick(LAYOUTS)) ?? messages.UNLOAD;
    // UNLOAD and a contact start all over: rarely, or nothing else is ever reached.
    const isRare = layout.name === 'UNLOAD' || layout.name === 'INITIATE_CONTACT';
    if (isRare && !choices.chance(64)) return;
    let message = encodeChosen(layout, choices, this.#known(layout.name));
    if (layout.name === 'GPADL_HEADER') message = this.#withRanges(choices, message);
    if (layout.name === 'GPADL_BODY') message = this.#withRest(choices, message);
    const sent = choices.chance(32) ? garbled(message, choices) : message;
    const connection = choices.chance(12) ? choices.word() : choices.pick([1, 4] as const);
    const type = choices.chance(6) ? choices.word() : 1;
    const status = this.#server.handlePost(connection, type, sent);
    this.#probe.note(1, (layout.type << 6) | (status << 1) | (sent === message ? 0 : 1));
  }

  #known(message: string): FieldValue {
    return (name, _field, choices) => {
      switch (name) {
        case 'relid':
          return choices.chance(12) ? undefined : this.#relid(choices);
        case 'gpadl':
        case 'ringGpadl':
          return choices.chance(12) ? undefined : 1 + choices.below(3);
        case 'targetVp':
          return choices.chance(24) ? undefined : choices.pick([0, 1, 0xffff_ffff, 2] as const);
        case 'downstreamPageOffset':
          return choices.chance(24) ? undefined : 1 + choices.below(4);
        case 'version':
          return choices.chance(24) ? undefined : choices.pick(VERSIONS);
        case 'sint':
        case 'targetSint':
          return choices.chance(24) ? undefined : 2;
        case 'vtl':
          return choices.chance(24) ? undefined : 0;
        case 'featureFlags':
          return message === 'INITIATE_CONTACT' && choices.chance(128) ? 8 : undefined;
        default:
          return undefined;
      }
    };
  }

  /** GPADL_HEADER with what it announces behind it, or the first part of that. */
  #withRanges(choices: Choices, header: Uint8Array): Uint8Array<ArrayBuffer> {
    const ranges = Array.from({ length: choices.chance(32) ? choices.below(4) : 1 }, () => {
      const pages = choices.chance(24) ? choices.below(200) : 2 + choices.below(6);
      const first = choices.below(PAGES);
      const gpns = Array.from({ length: pages }, (_, i) =>
        choices.chance(4) ? Number(choices.long() >> 11n) : (first + i) % PAGES,
      );
      const byteOffset = choices.chance(12) ? choices.word() : 0;
      const extra = choices.chance(24) ? choices.below(3) - 1 : 0;
      return {
        byteCount: choices.chance(8) ? choices.word() : pages * PAGE_BYTES - byteOffset + extra,
        byteOffset,
        gpns,
      };
    });
    const buffer = encodeRanges(ranges.map((range) => ({ ...range, byteCount: range.byteCount >>> 0 })));
    const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
    const told = choices.chance(24) ? buffer.byteLength - 8 : choices.chance(8) ? choices.word() : buffer.byteLength;
    view.setUint16(16, told, true);
    view.setUint16(18, choices.chance(12) ? choices.word() : ranges.length, true);
    const part = buffer.subarray(0, choices.chance(48) ? choices.below(buffer.length + 1) : MOST_PART_BYTES);
    this.#rest = buffer.slice(part.length);
    return joined(header, part);
  }

  #withRest(choices: Choices, body: Uint8Array): Uint8Array<ArrayBuffer> {
    const part = this.#rest.subarray(0, choices.chance(48) ? choices.below(MOST_PART_BYTES) : MOST_PART_BYTES);
    this.#rest = this.#rest.slice(part.length);
    return joined(body, choices.chance(16) ? choices.bytes(16) : part);
  }

  #host(choices: Choices): void {
    switch (choices.below(8)) {
      case 0:
      case 1:
        this.#offer(choices.below(4));
        return;
      case 2:
      case 3: {
        const offers = [...this.#devices.keys()];
        offers[choices.below(offers.length)]?.rescind();
        return;
      }
      case 4:
        if (choices.chance(8)) for (let i = 0; i < 300; i += 1) this.#offer(0x100 + i);
        return;
      case 5:
        if (choices.chance(24)) this.#server.reset();
        return;
      default:
    }
  }

  #deviceSays(choices: Choices): void {
    const device = [...this.#devices.values()][choices.below(this.#devices.size)];
    if (device === undefined) return;
    device.manner = choices.pick(['echo', 'long', 'silent', 'fault'] as const);
    device.say(new Uint8Array(choices.chance(16) ? choices.below(9000) : choices.below(100)));
  }

  /** As every guest does it: memory for two rings, then the channel. */
  #openHonestly(choices: Choices): void {
    const relid = this.#relid(choices);
    const gpadl = 1 + choices.below(3);
    const first = choices.below(PAGES - 4);
    const gpns = [first, first + 1, first + 2, first + 3];
    for (const gpn of gpns) memory.bytes.fill(0, gpn * PAGE_BYTES, gpn * PAGE_BYTES + 64);
    for (const message of gpadlMessages(relid, gpadl, ringRanges(choices, gpns))) this.#post(message);
    const targetVp = choices.pick([0, 1, 0xffff_ffff, 2] as const);
    const downstreamPageOffset = choices.chance(24) ? choices.below(6) : 2;
    this.#post(messages.OPENCHANNEL.encode({ relid, openId: relid, ringGpadl: gpadl, targetVp, downstreamPageOffset }));
  }

  #offer(number: number): void {
    const device = new CheckedDevice(this.#probe);
    const instanceId = parseGuid(`00000000-9bcd-1234-0000-${number.toString(16).padStart(12, '0')}`);
    try {
      const offer = this.#server.offer({ interfaceId: INTERFACE, instanceId, device });
      this.#devices.set(offer, device);
      this.#port.renewLog();
    } catch (error) {
      if (!(error instanceof VmbusError)) throw error;
    }
  }

  #relid(choices: Choices): number {
    return this.#snapshot.offers[choices.below(3)]?.relid ?? choices.below(2048);
  }

  #post(message: Uint8Array): void {
    this.#server.handlePost(4, 1, message);
  }

  /** The guest reads what is new. */
  #listen(): void {
    this.#snapshot = this.#server.snapshot();
    for (const payload of this.#port.unseen()) {
      const { name } = decodeHostMessage(payload);
      this.#probe.note(2, (payload[0] ?? 0) * 32 + name.length);
    }
    const held = this.#snapshot.offers.filter(({ state }) => HELD.has(state)).map(({ instanceId }) => instanceId);
    this.#probe.check(new Set(held).size === held.length, 'the guest holds two offers of one instance');
  }

  #check(messageCount: number, flagCount: number): void {
    const { offers, gpadls, connection, events } = this.#snapshot;
    const probe = this.#probe;
    probe.check(messageCount <= 4 + MAX_OFFERS + GPADL_LIMITS.gpadls, () => `${messageCount} messages for one`);
    probe.check(flagCount <= 400, () => `${flagCount} event flags at once`);
    probe.check(offers.length <= MAX_OFFERS, () => `${offers.length} offers`);
    probe.check(new Set(offers.map(({ relid }) => relid)).size === offers.length, 'two offers of one relid');
    probe.check(
      gpadls.count <= GPADL_LIMITS.gpadls && gpadls.pages <= GPADL_LIMITS.pages,
      () => `${gpadls.count} GPADLs of ${gpadls.pages} pages`,
    );
    probe.check(gpadls.pages >= gpadls.count, () => `${gpadls.count} GPADLs of ${gpadls.pages} pages`);
    probe.check(gpadls.count > 0 || gpadls.pages === 0, () => `${gpadls.pages} pages of no GPADL`);
    probe.check(connection !== undefined || gpadls.count === 0, 'GPADLs without a connection');
    const isOpen = offers.some(({ state }) => state === 'open');
    probe.check(!isOpen || gpadls.count > 0, 'a channel is open, and its rings are in no GPADL');
    this.#port.checkLog(events);
    probe.check(
      this.#port.scheduledCount <= 2 * (1 + this.#devices.size),
      () => `${this.#port.scheduledCount} turns wait`,
    );
    for (const [offer, device] of this.#devices) {
      probe.check(
        device.isOpen === (offer.state === 'open'),
        () => `a channel whose offer is ${offer.state} is ${device.isOpen ? '' : 'not '}open`,
      );
      probe.check(
        device.isReleased === (offer.state === 'released'),
        () => `an offer that is ${offer.state} was ${device.isReleased ? '' : 'not '}released`,
      );
    }
    probe.note(3, Math.min(gpadls.count, 20));
    for (const { state } of offers.slice(0, 3)) probe.note(4, state.length * 16 + (connection === undefined ? 0 : 1));
  }
}

/** One range of whole pages, as rings are made of, or nearly. */
function ringRanges(choices: Choices, gpns: readonly number[]): Parameters<typeof gpadlMessages>[2] {
  const whole = { byteCount: gpns.length * PAGE_BYTES, byteOffset: 0, gpns };
  switch (choices.chance(48) ? choices.below(3) : -1) {
    case 0:
      return [whole, whole];
    case 1:
      return [{ ...whole, byteCount: whole.byteCount - 8, byteOffset: choices.below(2) * 8 }];
    case 2:
      return [{ ...whole, byteCount: whole.byteCount - 1 - choices.below(64) }];
    default:
      return [whole];
  }
}

function joined(head: Uint8Array, tail: Uint8Array): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(head.byteLength + tail.byteLength);
  whole.set(head);
  whole.set(tail, head.byteLength);
  return whole;
}
