import { type GuestMemory, HypercallStatus, NO_TAP, type Tap } from '../hyperv/index.ts';
import { EVENT_FLAG_COUNT, PostConnection, relidOfSignalConnection, VMBUS_MESSAGE_TYPE } from './addresses.ts';
import type { Channel, ChannelServer } from './channel.ts';
import { ChannelRequests } from './channel-requests.ts';
import { type Connection, negotiate } from './connection.ts';
import { EventLog } from './event-log.ts';
import { GpadlTable } from './gpadl-table.ts';
import { decodeGuestMessage, type GuestMessage, type InitiateContact } from './messages/decode-guest-message.ts';
import { ALLOFFERS_DELIVERED, UNLOAD_RESPONSE } from './messages/from-host.ts';
import type { Offer, OfferSpec } from './offer.ts';
import { OfferTable } from './offer-table.ts';
import type { VmbusPort } from './port.ts';
import type { VmbusRecorder } from './recorder.ts';
import { Refusal, RefusalCode } from './refusal.ts';
import { takeSnapshot, type VmbusSnapshot } from './snapshot.ts';
import { answerUnserved } from './unserved-requests.ts';
import { formatVersion, ProtocolVersion } from './version.ts';

export interface VmbusServerOptions {
  readonly memory: GuestMemory;
  readonly port: VmbusPort;
  /** VP indices are 0 to `vpCount` − 1. */
  readonly vpCount: number;
  /** The newest version to agree to; default: the newest there is. */
  readonly maxVersion?: ProtocolVersion;
  /** Where all that passes can be recorded; nowhere by default. */
  readonly tap?: Tap<VmbusRecorder>;
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
  readonly #tap: Tap<VmbusRecorder>;
  readonly #gpadls: GpadlTable;
  readonly #log: EventLog;
  readonly #offers = new OfferTable();
  readonly #channelServer: ChannelServer;
  readonly #requests: ChannelRequests;
  #connection: Connection | undefined;

  constructor({ memory, port, vpCount, maxVersion = ProtocolVersion.V6_0, tap = NO_TAP }: VmbusServerOptions) {
    this.#port = port;
    this.#vpCount = vpCount;
    this.#maxVersion = maxVersion;
    this.#tap = tap;
    this.#gpadls = new GpadlTable(memory);
    this.#log = new EventLog((entry) => port.log(entry));
    this.#requests = new ChannelRequests({
      offers: this.#offers,
      gpadls: this.#gpadls,
      vpCount,
      post: (message) => this.#post(message),
    });
    this.#channelServer = {
      memory,
      tap,
      post: (message) => this.#post(message),
      signalEvent: (vp, relid) => {
        tap.recorder?.signalled(vp, relid);
        port.signalEvent(vp, relid);
      },
      schedule: (work) => port.schedule(work),
      log: (severity, code, text) => this.#log.log(severity, code, text),
      rescinding: ({ relid }) => this.#requests.abandonUnfinishedGpadls(relid),
      released: (channel) => this.#released(channel),
    };
  }

  /**
   * Offers a device to the guest, now or when one connects. An instance that was rescinded and not yet released is offered
   * at its release. Throws a VmbusError if the instance is offered already or the guest holds too many offers.
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
    this.#tap.recorder?.posted(connectionId, messageType, payload);
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
    if (message.name === 'REQUESTOFFERS') return this.#requestOffers(connection);
    if (message.name === 'UNLOAD') return this.#unload(connection);
    if (
      message.name !== 'TL_CONNECT_REQUEST' &&
      message.name !== 'OPEN_RESERVED_CHANNEL' &&
      message.name !== 'CLOSE_RESERVED_CHANNEL'
    ) {
      return this.#requests.handle(connection, message);
    }
    const { refusal, answer } = answerUnserved(connection, message, this.#vpCount);
    if (answer !== undefined) this.#send(answer.vp, answer.message);
    return refusal;
  }

  #initiateContact(contact: InitiateContact): Refusal | undefined {
    // On a live connection it means that another kernel has taken over, without a word of the first.
    this.#disconnect('the guest restarted');
    const { responseVp, response, outcome } = negotiate(contact, {
      maxVersion: this.#maxVersion,
      vpCount: this.#vpCount,
    });
    this.#send(responseVp, response);
    if (outcome instanceof Refusal) return outcome;
    this.#connection = outcome;
    this.#port.connected();
    this.#log.log('info', 'VMBUS_CONNECTED', `the guest connected with version ${formatVersion(outcome.version)}`);
    return undefined;
  }

  #requestOffers(connection: Connection): Refusal | undefined {
    if (connection.offersRequested)
      return new Refusal(RefusalCode.offersRequestedTwice, 'REQUESTOFFERS for the second time');
    connection.offersRequested = true;
    for (const channel of this.#offers) channel.announce();
    this.#post(ALLOFFERS_DELIVERED.encode({}));
    return undefined;
  }

  #unload({ messageVp }: Connection): undefined {
    this.#disconnect('the guest unloaded VMBus');
    this.#log.log('info', 'VMBUS_UNLOADED', 'the guest unloaded VMBus');
    this.#send(messageVp, UNLOAD_RESPONSE.encode({}));
  }

  #disconnect(reason: string): void {
    this.#connection = undefined;
    this.#port.discardMessages();
    this.#gpadls.clear();
    for (const channel of this.#offers) channel.disconnect(reason);
  }

  #released(channel: Channel): void {
    const next = this.#offers.remove(channel);
    if (this.#connection?.offersRequested === true) next?.announce();
  }

  #post(message: Uint8Array): void {
    if (this.#connection !== undefined) this.#send(this.#connection.messageVp, message);
  }

  #send(vp: number, message: Uint8Array): void {
    this.#tap.recorder?.sent(vp, VMBUS_MESSAGE_TYPE, message);
    this.#port.postMessage(vp, VMBUS_MESSAGE_TYPE, message);
  }

  #refused({ code, text }: Refusal): void {
    // Guests find their version by trying from the newest on.
    this.#log.log(code === RefusalCode.versionUnsupported ? 'info' : 'warning', code, text);
  }
}
