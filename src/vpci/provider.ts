import type { MsiMessage, PciFunction } from '../functions/index.ts';
import {
  type ChannelDevice,
  ChannelFault,
  type Guid,
  type IncomingPacket,
  type PacketChannel,
} from '../vmbus/index.ts';
import { BoundedLog } from './bounded-log.ts';
import { Bus } from './bus.ts';
import { BusFunction, type BusFunctionState } from './bus-function.ts';
import type { ConfigWindowPlan } from './config-window.ts';
import { deviceIdOf, domainOf, serialOf } from './instance-id.ts';
import type { InterruptTarget } from './interrupt-tokens.ts';
import type { EjectionOutcome, VpciPort } from './port.ts';
import { answerFunctionRequest } from './requests.ts';
import { formatSlot, type Slot, SLOT_COUNT, slotFields } from './slot.ts';
import { decodeGuestMessage, refuse, type Refusal } from './wire/decode-guest.ts';
import { encodeBusRelations, encodeEject, encodeStatus, encodeVersionReply } from './wire/encode-host.ts';
import { REPLIES } from './wire/replies.ts';
import { isFailure, NtStatus } from './wire/status.ts';
import { formatVersion, knownVersion, VpciVersion } from './wire/version.ts';

/** A function to put on a bus. */
export interface BusFunctionOptions {
  readonly function: PciFunction;
  /** 0 by default. */
  readonly slot?: Slot;
  /** The instance id's Data1 plus the slot by default. */
  readonly serial?: number;
  /** The guest's NUMA node, told from version 1.3 on. Not the host's: the guest's nodes are its own. */
  readonly virtualNumaNode?: number;
}

export interface VpciProviderOptions {
  /** What the bus is offered under, from instanceIdFor(). */
  readonly instanceId: Guid;
  /** At least one, each in a slot of its own. */
  readonly functions: readonly BusFunctionOptions[];
  readonly port: VpciPort;
  /** The highest version to agree to; 1.4 by default. */
  readonly maxVersion?: VpciVersion;
}

/**
 * `sent`: the guest was asked; {@link VpciPort.ejectionCompleted} follows when it has let go, which may be never.
 * `already-asked`: it was asked before. `not-connected`: no guest driver knows of the function, so there is nothing to
 * ask; none will be told of it any more. `gone`: the guest has let go of it, or it was taken away.
 */
export type EjectResult = 'sent' | 'already-asked' | 'not-connected' | 'gone';

/** `not-this-bus`: another bus may know the device id. All but `retargeted` are the guest's mistake. */
export type RetargetResult = 'retargeted' | 'not-this-bus' | 'unknown-message' | 'bad-vector';

/** What HvCallRetargetDeviceInterrupt names. */
export interface RetargetRequest {
  readonly deviceId: number;
  /** The low 32 bits of the token's address. */
  readonly addressLow: number;
  readonly data: number;
  readonly vector: number;
  readonly vps: readonly number[];
}

export interface VpciSnapshot {
  readonly connection: 'closed' | 'opened' | 'negotiated';
  readonly version: VpciVersion | undefined;
  /** Whether the guest has been told which functions there are, since it opened the channel. */
  readonly relationsTold: boolean;
  /** Where the config window is; undefined outside D0. */
  readonly windowGpa: number | undefined;
  readonly functions: readonly { readonly slot: Slot; readonly state: BusFunctionState; readonly messages: number }[];
}

interface Connection {
  readonly channel: PacketChannel;
  version: VpciVersion | undefined;
  relationsTold: boolean;
}

/** A reply with a token for each interrupt of a function is the longest. */
const MAX_REPLY_BYTES = REPLIES.ASSIGNED2.layout.sizeBytes + 494 * 72;

/**
 * The host end of one vPCI bus, for the life of one offer. docs/vpci.md has the protocol and this machine's states.
 *
 * It is synchronous and keeps no clock: deadlines for an ejection are the owner's. A guest that sends what no guest
 * driver sends gets a ChannelFault thrown at its channel; one that asks for what it can't have gets a status.
 */
export class VpciProvider implements ChannelDevice {
  readonly maxReplyBytes = MAX_REPLY_BYTES;
  readonly #instanceId: Guid;
  readonly #port: VpciPort;
  readonly #maxVersion: VpciVersion;
  readonly #bus: Bus;
  readonly #log: BoundedLog;
  #connection: Connection | undefined;

  /** Throws RangeError for functions that can't share a bus. */
  constructor({ instanceId, functions, port, maxVersion = VpciVersion.V1_4 }: VpciProviderOptions) {
    this.#instanceId = instanceId;
    this.#port = port;
    this.#maxVersion = maxVersion;
    this.#log = new BoundedLog((entry) => port.log(entry));
    this.#bus = new Bus(functionsBySlot(functions, serialOf(instanceId)), domainOf(instanceId), port);
  }

  snapshot(): VpciSnapshot {
    const { version, relationsTold = false } = this.#connection ?? {};
    return {
      connection: this.#connection === undefined ? 'closed' : version === undefined ? 'opened' : 'negotiated',
      version,
      relationsTold,
      windowGpa: this.#bus.windowGpa,
      functions: this.#bus.functions.map(({ slot, state }) => ({
        slot,
        state,
        messages: this.#bus.tokens.count(slot),
      })),
    };
  }

  // ChannelDevice

  opened(channel: PacketChannel): void {
    this.#connection = { channel, version: undefined, relationsTold: false };
  }

  packet(packet: IncomingPacket): void {
    const connection = this.#connection;
    if (connection === undefined) throw new Error('a packet for a vPCI channel that is not open');
    if (packet.kind === 'completion')
      throw new ChannelFault('vPCI: a completion, though nothing was asked of the guest');
    const reply =
      connection.version === undefined
        ? this.#negotiate(connection, packet.payload)
        : this.#answer(connection, connection.version, packet.payload);
    const refused = 'kind' in reply;
    if (refused) this.#log.log('warning', 'VPCI_REFUSED', `vPCI request refused: ${reply.reason}`);
    if (packet.completionRequested) {
      connection.channel.complete(packet.transactionId, refused ? encodeStatus(reply.status) : reply);
    }
  }

  /** The guest holds nothing any more: everything is as after a release of every function. */
  closed(reason: string): void {
    if (this.#connection === undefined) return;
    this.#connection = undefined;
    this.#log.log('info', 'VPCI_CLOSED', `vPCI channel closed: ${reason}`);
    this.#bus.leaveD0();
    for (const busFunction of this.#bus.here()) {
      if (busFunction.state === 'ejecting') this.#ejected(busFunction, 'channel-closed');
    }
  }

  released(): void {
    this.#port.released();
  }

  // The host's side

  /** Asks the guest to let go of the function in `slot`. It goes on working until the guest has. RangeError: no such slot. */
  eject(slot: Slot = 0): EjectResult {
    const busFunction = this.#bus.functions.find((candidate) => candidate.slot === slot);
    if (busFunction === undefined) throw new RangeError(`No function in ${formatSlot(slot)} of this bus`);
    if (busFunction.state === 'gone') return 'gone';
    // A second EJECT for a slot corrupts Linux's work queue, so the state outlives everything but the offer.
    if (busFunction.state === 'ejecting') return 'already-asked';
    // A guest that hasn't been told of a slot ignores its EJECT and never answers.
    if (this.#connection === undefined || !this.#connection.relationsTold) {
      this.#bus.takeAway(busFunction);
      return 'not-connected';
    }
    busFunction.state = 'ejecting';
    this.#connection.channel.sendInBand(encodeEject(slot));
    return 'sent';
  }

  /**
   * The functions are gone, or must go at once: from now on configuration reads give all ones and writes are swallowed,
   * no token means anything, and the functions are quiesced. The guest's driver learns of it by the rescind, which is
   * the caller's next step.
   */
  surpriseRemoved(): void {
    for (const busFunction of this.#bus.here()) this.#bus.takeAway(busFunction);
  }

  // The machine's side

  /** An access to the config window; `offset` from its start, `sizeBytes` 1, 2 or 4, not crossing a dword. */
  configWindowRead(offset: number, sizeBytes: number): number {
    return this.#bus.windowRead(offset, sizeBytes);
  }

  configWindowWrite(offset: number, sizeBytes: number, value: number): void {
    this.#bus.windowWrite(offset, sizeBytes, value);
  }

  configWindowPlan(): ConfigWindowPlan {
    return this.#bus.windowPlan();
  }

  /** Where an interrupt goes for which a function was given `message`; undefined: nowhere. */
  interruptTarget(message: MsiMessage): InterruptTarget | undefined {
    return this.#bus.tokens.target(message);
  }

  retarget({ deviceId, addressLow, data, vector, vps }: RetargetRequest): RetargetResult {
    const pciFunction = deviceId & 0x7;
    if (deviceIdOf(this.#instanceId, pciFunction) !== deviceId) return 'not-this-bus';
    const slot = this.#bus.tokens.slotOf(addressLow, data);
    if (slot === undefined || slotFields(slot).pciFunction !== pciFunction) return 'unknown-message';
    if (vector < 16 || vector > 255) return 'bad-vector';
    const change = this.#bus.tokens.retarget(data, { vector, vps });
    if (change !== undefined) this.#port.interruptTargetChanged(change.message, change.target);
    return 'retargeted';
  }

  // Requests

  /** Only QUERY_PROTOCOL_VERSION may come before a version is settled. */
  #negotiate(connection: Connection, payload: Uint8Array): Uint8Array | Refusal {
    const message = decodeGuestMessage(payload, VpciVersion.V1_1);
    if (message.kind !== 'query-protocol-version')
      throw new ChannelFault('vPCI: the first message asks for no version');
    const version = knownVersion(message.version);
    if (version === undefined || version > this.#maxVersion) {
      return encodeVersionReply(NtStatus.REVISION_MISMATCH, this.#maxVersion);
    }
    connection.version = version;
    this.#log.log('info', 'VPCI_VERSION', `vPCI version ${formatVersion(version)}`);
    return encodeVersionReply(NtStatus.SUCCESS, version);
  }

  #answer(connection: Connection, version: VpciVersion, payload: Uint8Array): Uint8Array | Refusal {
    const message = decodeGuestMessage(payload, version);
    switch (message.kind) {
      case 'refused':
        return message;
      case 'query-protocol-version':
        throw new ChannelFault('vPCI: a version asked for after one was settled');
      case 'query-bus-relations':
        this.#tellRelations(connection, version);
        return REPLIES.EMPTY.layout.encode({});
      case 'd0-entry': {
        const refusal = this.#bus.enterD0(message.windowGpa);
        if (refusal !== undefined) return refusal;
        // A guest that has asked already would only scan its bus once more.
        if (!connection.relationsTold) this.#tellRelations(connection, version);
        return encodeStatus(NtStatus.SUCCESS);
      }
      case 'd0-exit':
        this.#bus.leaveD0();
        return encodeStatus(NtStatus.SUCCESS);
      case 'ejection-complete':
        return this.#ejectionComplete(message.slot, message.status);
      case 'query-requirements':
      case 'query-current-resources':
      case 'power-state-change':
      case 'resources-assigned':
      case 'resources-released':
      case 'create-interrupt':
      case 'delete-interrupt':
        return answerFunctionRequest(this.#bus, message);
    }
  }

  #tellRelations(connection: Connection, version: VpciVersion): void {
    connection.relationsTold = true;
    const descriptions = this.#bus.here().map((busFunction) => busFunction.description);
    connection.channel.sendInBand(encodeBusRelations(version, descriptions));
  }

  #ejectionComplete(slot: Slot, status: number): Uint8Array | Refusal {
    const busFunction = this.#bus.at(slot);
    if (busFunction?.state !== 'ejecting') {
      return refuse(NtStatus.BAD_DATA, `an ejection completed that nobody asked for, of ${formatSlot(slot)}`);
    }
    // A guest that says it failed still has the function: the owner's deadline decides.
    if (isFailure(status))
      return refuse(NtStatus.BAD_DATA, `the guest failed to eject ${formatSlot(slot)}: 0x${status.toString(16)}`);
    this.#ejected(busFunction, 'completed');
    return encodeStatus(NtStatus.SUCCESS);
  }

  #ejected(busFunction: BusFunction, outcome: EjectionOutcome): void {
    this.#bus.takeAway(busFunction);
    this.#port.ejectionCompleted(busFunction.slot, outcome);
  }
}

function functionsBySlot(functions: readonly BusFunctionOptions[], busSerial: number): ReadonlyMap<Slot, BusFunction> {
  if (functions.length === 0) throw new RangeError('A vPCI bus needs a function');
  const bySlot = new Map<Slot, BusFunction>();
  for (const { function: pciFunction, slot = 0, serial, virtualNumaNode } of functions) {
    if (!Number.isInteger(slot) || slot < 0 || slot >= SLOT_COUNT)
      throw new RangeError(`No slot ${slot} (0…${SLOT_COUNT - 1})`);
    if (bySlot.has(slot)) throw new RangeError(`Two functions in ${formatSlot(slot)} of a vPCI bus`);
    bySlot.set(slot, new BusFunction(pciFunction, slot, serial ?? (busSerial + slot) >>> 0, virtualNumaNode));
  }
  return bySlot;
}
