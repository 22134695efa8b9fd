import { type GuestMemory, HypercallStatus } from '../hyperv/index.ts';
import {
  EVENT_FLAG_COUNT,
  NO_INTERRUPT_VP,
  PostConnection,
  relidOfSignalConnection,
  VMBUS_MESSAGE_TYPE,
  VMBUS_SINT,
} from './addresses.ts';
import type { Channel, ChannelServer } from './channel.ts';
import { type Connection, negotiate } from './connection.ts';
import { EventLog } from './event-log.ts';
import { type GpadlOutcome, GpadlTable } from './gpadl-table.ts';
import {
  decodeGuestMessage,
  type GuestMessage,
  type InitiateContact,
  type OpenChannel,
} from './messages/decode-guest-message.ts';
import * as replies from './messages/from-host.ts';
import { NtStatus } from './messages/nt-status.ts';
import type { Offer, OfferSpec } from './offer.ts';
import { OfferTable } from './offer-table.ts';
import type { VmbusPort } from './port.ts';
import { Refusal, RefusalCode } from './refusal.ts';
import { takeSnapshot, type VmbusSnapshot } from './snapshot.ts';
import { formatVersion, ProtocolVersion, SinceVersion } from './version.ts';

export interface VmbusServerOptions {
  readonly memory: GuestMemory;
  readonly port: VmbusPort;
  /** VP indices are 0 to `vpCount` − 1. */
  readonly vpCount: number;
  /** The newest version to agree to; default: the newest there is. */
  readonly maxVersion?: ProtocolVersion;
}

/**
 * How many messages may wait for the guest before its own are turned away. With an offer and a rescind for each of
 * MAX_OFFERS offers they stay within what a SynIC queues.
 */
export const MAX_UNREAD_MESSAGES = 512;

/**
 * The host side of VMBus for one partition. A state machine: what the guest posts and signals comes in, messages and event
 * flags go out through the port, and the providers of the offers hear what concerns them. It never waits for the guest.
 */
export class VmbusServer {
  readonly #port: VmbusPort;
  readonly #vpCount: number;
  readonly #maxVersion: ProtocolVersion;
  readonly #gpadls: GpadlTable;
  readonly #log: EventLog;
  readonly #offers = new OfferTable();
  readonly #channelServer: ChannelServer;
  #connection: Connection | undefined;

  constructor({ memory, port, vpCount, maxVersion = ProtocolVersion.V6_0 }: VmbusServerOptions) {
    this.#port = port;
    this.#vpCount = vpCount;
    this.#maxVersion = maxVersion;
    this.#gpadls = new GpadlTable(memory);
    this.#log = new EventLog((entry) => port.log(entry));
    this.#channelServer = {
      memory,
      post: (message) => this.#post(message),
      signalEvent: (vp, relid) => port.signalEvent(vp, relid),
      schedule: (work) => port.schedule(work),
      log: (severity, code, text) => this.#log.log(severity, code, text),
      rescinding: ({ relid }) => this.#answerUnfinishedGpadls(relid),
      released: (channel) => this.#released(channel),
    };
  }

  /**
   * Offers a device to the guest, now or when one connects. An instance that was rescinded and not yet released is offered
   * at its release. Throws a VmbusError if the instance is offered already or the guest holds all relids.
   */
  offer(spec: OfferSpec): Offer {
    const channel = this.#offers.add(spec, this.#channelServer);
    this.#log.renew();
    if (this.#connection?.offersRequested === true) channel.announce();
    return channel;
  }

  /**
   * HvPostMessage (TLFS 0x005C): returns its status. Status 0 only says that VMBus got the message; what it refuses, it
   * logs, and answers where the guest waits for an answer.
   *
   * @param payload a private copy: the guest can't change it any more.
   */
  handlePost(connectionId: number, messageType: number, payload: Uint8Array): HypercallStatus {
    if (connectionId !== PostConnection.messages && connectionId !== PostConnection.contact) {
      return HypercallStatus.INVALID_CONNECTION_ID;
    }
    if (messageType !== VMBUS_MESSAGE_TYPE) {
      this.#refused(new Refusal(RefusalCode.notVmbus, `message type ${messageType} posted to VMBus`));
      return HypercallStatus.INVALID_PARAMETER;
    }
    const message = decodeGuestMessage(payload);
    if (message instanceof Refusal) {
      this.#refused(message);
      return HypercallStatus.SUCCESS;
    }
    // These two make room themselves.
    const makesRoom = message.name === 'INITIATE_CONTACT' || message.name === 'UNLOAD';
    if (!makesRoom && this.#port.pendingMessages() >= MAX_UNREAD_MESSAGES) {
      this.#refused(
        new Refusal(
          RefusalCode.tooManyUnread,
          `${message.name} while ${MAX_UNREAD_MESSAGES} answers wait for the guest`,
        ),
      );
      return HypercallStatus.INSUFFICIENT_BUFFERS;
    }
    const refusal = this.#handle(message);
    if (refusal !== undefined) this.#refused(refusal);
    return HypercallStatus.SUCCESS;
  }

  /** HvSignalEvent (TLFS 0x005D): returns its status. */
  handleSignal(connectionId: number, flag: number): HypercallStatus {
    if (flag >= EVENT_FLAG_COUNT) return HypercallStatus.INVALID_PARAMETER;
    const relid = relidOfSignalConnection(connectionId);
    const channel = relid === undefined ? undefined : this.#offers.get(relid);
    if (channel === undefined) return HypercallStatus.INVALID_CONNECTION_ID;
    channel.running?.pump();
    return HypercallStatus.SUCCESS;
  }

  /** The partition was reset: as if no guest had ever connected. Offers stay, for the next one. */
  reset(): void {
    this.#disconnect('the virtual machine was reset');
  }

  snapshot(): VmbusSnapshot {
    return takeSnapshot({
      connection: this.#connection,
      offers: this.#offers,
      gpadls: this.#gpadls,
      events: this.#log.counts,
    });
  }

  #handle(message: GuestMessage): Refusal | undefined {
    if (message.name === 'INITIATE_CONTACT') return this.#initiateContact(message);
    const connection = this.#connection;
    if (connection === undefined) {
      // Linux releases its relids after UNLOAD, when its module goes.
      if (message.name === 'RELID_RELEASED') return undefined;
      return new Refusal(RefusalCode.notConnected, `${message.name} without a connection`);
    }
    switch (message.name) {
      case 'REQUESTOFFERS':
        return this.#requestOffers(connection);
      case 'UNLOAD':
        return this.#unload(connection);
      case 'GPADL_HEADER':
        return this.#withChannel(message, () => this.#gpadlOutcome(this.#gpadls.begin(message)));
      case 'GPADL_BODY': {
        const outcome = this.#gpadls.append(message);
        return outcome instanceof Refusal ? outcome : this.#gpadlOutcome(outcome);
      }
      case 'GPADL_TEARDOWN':
        return this.#withChannel(message, (channel) => this.#gpadlTeardown(channel, message.gpadl));
      case 'OPENCHANNEL':
        return this.#withChannel(message, (channel) => this.#open(channel, message));
      case 'CLOSECHANNEL':
        return this.#withChannel(message, (channel) => channel.close());
      case 'RELID_RELEASED':
        return this.#withChannel(message, (channel) => this.#letGo(channel));
      case 'MODIFYCHANNEL':
        return this.#withChannel(message, (channel) => this.#modify(connection, channel, message.targetVp));
      case 'TL_CONNECT_REQUEST': {
        if (connection.version < SinceVersion.socketConnect) return wrongVersion(message, connection);
        const { endpointId, serviceId } = message;
        this.#post(replies.TL_CONNECT_RESULT.encode({ endpointId, serviceId, status: NtStatus.connectionRefused }));
        return new Refusal(RefusalCode.unsupported, 'TL_CONNECT_REQUEST: no sockets are served');
      }
      case 'OPEN_RESERVED_CHANNEL':
      case 'CLOSE_RESERVED_CHANNEL':
        return this.#reserved(connection, message);
    }
  }

  #initiateContact(contact: InitiateContact): Refusal | undefined {
    // On a live connection it means that another kernel has taken over, without a word of the first.
    this.#disconnect('the guest restarted');
    const { responseVp, response, outcome } = negotiate(contact, {
      maxVersion: this.#maxVersion,
      vpCount: this.#vpCount,
    });
    this.#port.postMessage(responseVp, VMBUS_MESSAGE_TYPE, response);
    if (outcome instanceof Refusal) return outcome;
    this.#connection = outcome;
    this.#log.log('info', 'VMBUS_CONNECTED', `the guest connected with version ${formatVersion(outcome.version)}`);
    return undefined;
  }

  #requestOffers(connection: Connection): Refusal | undefined {
    if (connection.offersRequested)
      return new Refusal(RefusalCode.offersRequestedTwice, 'REQUESTOFFERS for the second time');
    connection.offersRequested = true;
    for (const channel of this.#offers) channel.announce();
    this.#post(replies.ALLOFFERS_DELIVERED.encode({}));
    return undefined;
  }

  #unload({ messageVp }: Connection): undefined {
    this.#disconnect('the guest unloaded VMBus');
    this.#log.log('info', 'VMBUS_UNLOADED', 'the guest unloaded VMBus');
    this.#port.postMessage(messageVp, VMBUS_MESSAGE_TYPE, replies.UNLOAD_RESPONSE.encode({}));
  }

  #open(channel: Channel, message: OpenChannel): Refusal | undefined {
    const { relid, openId, targetVp, ringGpadl } = message;
    // The guest learns of the rescind from RESCIND_CHANNELOFFER; this was under way already.
    if (channel.state === 'rescinded') return undefined;
    const answer = (status: number): void => this.#post(replies.OPENCHANNEL_RESULT.encode({ relid, openId, status }));
    const refusal =
      this.#checkVp('OPENCHANNEL', targetVp) ??
      channel.open(message, this.#gpadls.ranges(relid, ringGpadl), () => answer(NtStatus.success));
    if (refusal !== undefined) answer(statusOf(refusal));
    return refusal;
  }

  #modify({ version }: Connection, channel: Channel, targetVp: number): Refusal | undefined {
    if (version < SinceVersion.modifyChannel) {
      return new Refusal(RefusalCode.wrongVersion, `MODIFYCHANNEL in version ${formatVersion(version)}`);
    }
    const refusal = this.#checkVp('MODIFYCHANNEL', targetVp) ?? channel.modify(targetVp);
    if (version >= SinceVersion.modifyChannelResponse) {
      this.#post(replies.MODIFYCHANNEL_RESPONSE.encode({ relid: channel.relid, status: statusOf(refusal) }));
    }
    return refusal;
  }

  #gpadlOutcome(outcome: GpadlOutcome | undefined): Refusal | undefined {
    if (outcome === undefined) return undefined;
    const { relid, handle: gpadl, refusal } = outcome;
    this.#post(replies.GPADL_CREATED.encode({ relid, gpadl, status: statusOf(refusal) }));
    return refusal;
  }

  #gpadlTeardown(channel: Channel, gpadl: number): Refusal | undefined {
    const { relid } = channel;
    if (!this.#gpadls.remove(relid, gpadl)) {
      return new Refusal(
        RefusalCode.unknownGpadl,
        `GPADL_TEARDOWN for relid ${relid} of GPADL ${gpadl}, which isn't the channel's`,
      );
    }
    // The guest frees these pages as soon as it has the answer.
    if (channel.ringGpadl === gpadl) channel.ringsTornDown();
    this.#post(replies.GPADL_TORNDOWN.encode({ gpadl }));
    return undefined;
  }

  #answerUnfinishedGpadls(relid: number): void {
    for (const gpadl of this.#gpadls.abandonUnfinished(relid)) {
      this.#post(replies.GPADL_CREATED.encode({ relid, gpadl, status: NtStatus.unsuccessful }));
    }
  }

  #letGo(channel: Channel): Refusal | undefined {
    const refusal = channel.letGo();
    if (refusal === undefined) this.#gpadls.removeAllOf(channel.relid);
    return refusal;
  }

  /** Reserved channels serve crash dumps over storage channels; the guest that polls for the answer gets a refusal. */
  #reserved(
    connection: Connection,
    message: GuestMessage & { readonly name: 'OPEN_RESERVED_CHANNEL' | 'CLOSE_RESERVED_CHANNEL' },
  ): Refusal {
    const { name, relid, targetVp, targetSint } = message;
    if (connection.version < SinceVersion.reservedChannels) return wrongVersion(message, connection);
    if (targetSint !== VMBUS_SINT || targetVp >= this.#vpCount) {
      return new Refusal(RefusalCode.badValue, `${name}: its answer is wanted on SINT ${targetSint} of VP ${targetVp}`);
    }
    const answer =
      name === 'OPEN_RESERVED_CHANNEL'
        ? replies.OPENCHANNEL_RESULT.encode({ relid, openId: 0, status: NtStatus.notSupported })
        : replies.CLOSE_RESERVED_RESPONSE.encode({ relid });
    this.#port.postMessage(targetVp, VMBUS_MESSAGE_TYPE, answer);
    return new Refusal(RefusalCode.unsupported, `${name} for relid ${relid}: no channel can be reserved`);
  }

  #disconnect(reason: string): void {
    this.#connection = undefined;
    this.#port.discardMessages();
    this.#gpadls.clear();
    for (const channel of this.#offers) channel.disconnect(reason);
  }

  #released(channel: Channel): void {
    this.#gpadls.removeAllOf(channel.relid);
    const next = this.#offers.remove(channel);
    if (this.#connection?.offersRequested === true) next?.announce();
  }

  #withChannel(
    { name, relid }: { readonly name: string; readonly relid: number },
    handle: (channel: Channel) => Refusal | undefined,
  ): Refusal | undefined {
    const channel = this.#offers.get(relid);
    if (channel?.known !== true)
      return new Refusal(RefusalCode.unknownRelid, `${name} for relid ${relid}, which the guest doesn't hold`);
    return handle(channel);
  }

  #checkVp(name: string, vp: number): Refusal | undefined {
    if (vp < this.#vpCount || vp === NO_INTERRUPT_VP) return undefined;
    return new Refusal(RefusalCode.unknownVp, `${name}: interrupts wanted on VP ${vp} of ${this.#vpCount}`);
  }

  #post(message: Uint8Array): void {
    if (this.#connection !== undefined) this.#port.postMessage(this.#connection.messageVp, VMBUS_MESSAGE_TYPE, message);
  }

  #refused({ code, text }: Refusal): void {
    this.#log.log('warning', code, text);
  }
}

function wrongVersion({ name }: GuestMessage, { version }: Connection): Refusal {
  return new Refusal(RefusalCode.wrongVersion, `${name} in version ${formatVersion(version)}`);
}

/** What a guest that waits for an answer is told. */
function statusOf(refusal: Refusal | undefined): NtStatus {
  if (refusal === undefined) return NtStatus.success;
  if (refusal.code === RefusalCode.gpadlLimit) return NtStatus.insufficientResources;
  return refusal.code === RefusalCode.wrongState ? NtStatus.invalidDeviceState : NtStatus.invalidParameter;
}
