import { NO_INTERRUPT_VP } from './addresses.ts';
import type { Channel } from './channel.ts';
import type { Connection } from './connection.ts';
import type { GpadlOutcome, GpadlTable } from './gpadl-table.ts';
import type { ConnectedMessage, OpenChannel } from './messages/decode-guest-message.ts';
import { GPADL_CREATED, GPADL_TORNDOWN, MODIFYCHANNEL_RESPONSE, OPENCHANNEL_RESULT } from './messages/from-host.ts';
import { NtStatus } from './messages/nt-status.ts';
import type { OfferTable } from './offer-table.ts';
import { Refusal, RefusalCode } from './refusal.ts';
import { formatVersion, SinceVersion } from './version.ts';

export type ChannelRequest = Extract<
  ConnectedMessage,
  {
    readonly name:
      | 'OPENCHANNEL'
      | 'CLOSECHANNEL'
      | 'MODIFYCHANNEL'
      | 'GPADL_HEADER'
      | 'GPADL_BODY'
      | 'GPADL_TEARDOWN'
      | 'RELID_RELEASED';
  }
>;

export interface ChannelRequestsParts {
  readonly offers: OfferTable;
  readonly gpadls: GpadlTable;
  readonly vpCount: number;
  /** Sends to the connected guest. */
  readonly post: (message: Uint8Array) => void;
}

/** What a connected guest asks about its channels and their memory: checked, done, answered where it waits for an answer. */
export class ChannelRequests {
  readonly #parts: ChannelRequestsParts;

  constructor(parts: ChannelRequestsParts) {
    this.#parts = parts;
  }

  handle(connection: Connection, message: ChannelRequest): Refusal | undefined {
    const { offers, gpadls } = this.#parts;
    if (message.name === 'GPADL_BODY') {
      const outcome = gpadls.append(message);
      return outcome instanceof Refusal ? outcome : this.#answerGpadl(outcome);
    }
    const { name, relid } = message;
    const channel = offers.get(relid);
    if (channel?.known !== true) {
      return new Refusal(RefusalCode.unknownRelid, `${name} for relid ${relid}, which the guest doesn't hold`);
    }
    switch (message.name) {
      case 'GPADL_HEADER':
        return this.#answerGpadl(gpadls.begin(message));
      case 'GPADL_TEARDOWN':
        return this.#tearDown(channel, message.gpadl);
      case 'OPENCHANNEL':
        return this.#open(channel, message);
      case 'CLOSECHANNEL':
        return channel.close();
      case 'MODIFYCHANNEL':
        return this.#modify(connection, channel, message.targetVp);
      case 'RELID_RELEASED':
        return this.#letGo(channel);
    }
  }

  /** Ends the wait for GPADLs that can't be finished any more. */
  abandonUnfinishedGpadls(relid: number): void {
    for (const gpadl of this.#parts.gpadls.abandonUnfinished(relid)) {
      this.#parts.post(GPADL_CREATED.encode({ relid, gpadl, status: NtStatus.unsuccessful }));
    }
  }

  #open(channel: Channel, message: OpenChannel): Refusal | undefined {
    const { relid, openId, targetVp, ringGpadl } = message;
    // The guest learns of the rescind from RESCIND_CHANNELOFFER; this was under way already.
    if (channel.state === 'rescinded') return undefined;
    const { post, gpadls } = this.#parts;
    const answer = (status: number): void => post(OPENCHANNEL_RESULT.encode({ relid, openId, status }));
    const refusal =
      this.#checkVp(message.name, targetVp) ??
      channel.open(message, gpadls.ranges(relid, ringGpadl), () => answer(NtStatus.success));
    if (refusal !== undefined) answer(statusOf(refusal));
    return refusal;
  }

  #modify({ version }: Connection, channel: Channel, targetVp: number): Refusal | undefined {
    const name = 'MODIFYCHANNEL';
    if (version < SinceVersion.modifyChannel) {
      return new Refusal(RefusalCode.wrongVersion, `${name} in version ${formatVersion(version)}`);
    }
    const refusal = this.#checkVp(name, targetVp) ?? channel.modify(targetVp);
    if (version >= SinceVersion.modifyChannelResponse) {
      this.#parts.post(MODIFYCHANNEL_RESPONSE.encode({ relid: channel.relid, status: statusOf(refusal) }));
    }
    return refusal;
  }

  #answerGpadl(outcome: GpadlOutcome | undefined): Refusal | undefined {
    if (outcome === undefined) return undefined;
    const { relid, handle: gpadl, refusal } = outcome;
    this.#parts.post(GPADL_CREATED.encode({ relid, gpadl, status: statusOf(refusal) }));
    return refusal;
  }

  #tearDown(channel: Channel, gpadl: number): Refusal | undefined {
    const { relid } = channel;
    if (!this.#parts.gpadls.remove(relid, gpadl)) {
      const text = `GPADL_TEARDOWN for relid ${relid} of GPADL ${gpadl}, which isn't the channel's`;
      return new Refusal(RefusalCode.unknownGpadl, text);
    }
    // The guest frees these pages as soon as it has the answer.
    if (channel.ringGpadl === gpadl) channel.ringsTornDown();
    this.#parts.post(GPADL_TORNDOWN.encode({ gpadl }));
    return undefined;
  }

  #letGo(channel: Channel): Refusal | undefined {
    const refusal = channel.letGo();
    if (refusal === undefined) this.#parts.gpadls.removeAllOf(channel.relid);
    return refusal;
  }

  #checkVp(name: string, vp: number): Refusal | undefined {
    const { vpCount } = this.#parts;
    if (vp < vpCount || vp === NO_INTERRUPT_VP) return undefined;
    return new Refusal(RefusalCode.unknownVp, `${name}: interrupts wanted on VP ${vp} of ${vpCount}`);
  }
}

/** What a guest that waits for an answer is told. */
function statusOf(refusal: Refusal | undefined): NtStatus {
  if (refusal === undefined) return NtStatus.success;
  if (refusal.code === RefusalCode.gpadlLimit) return NtStatus.insufficientResources;
  return refusal.code === RefusalCode.wrongState ? NtStatus.invalidDeviceState : NtStatus.invalidParameter;
}
