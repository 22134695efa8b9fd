import { deviceIdOf } from '../../instance-id.ts';
import { type Slot, slotFields } from '../../slot.ts';
import { encodeCreateInterrupt, encodeDeleteInterrupt } from '../../wire/encode-guest.ts';
import { REPLIES } from '../../wire/replies.ts';
import { isFailure } from '../../wire/status.ts';
import { MSI_TOKEN } from '../../wire/structures.ts';
import { VpciVersion } from '../../wire/version.ts';
import type { Guid } from '../../../vmbus/index.ts';
import type { GuestPlatform, VectorTarget } from '../guest-platform.ts';
import type { Steps } from '../guest-threads.ts';
import type { HostLink } from '../host-link.ts';
import type { ConfigAccess } from './config-access.ts';
import type { MessageBlock, MsiDomain } from './pci-core/index.ts';

/** One turn of the busy loop that waits for an interrupt (hv_compose_msi_msg: 100 µs). */
const POLL_MS = 0.1;

/** The processor mask of a 1.1 request: Linux names all that it can hold (CPU_AFFINITY_ALL). */
const ALL_VPS = Array.from({ length: 64 }, (_, vp) => vp);

export interface HyperVMsiOptions {
  readonly platform: GuestPlatform;
  readonly link: HostLink;
  readonly config: ConfigAccess;
  readonly version: VpciVersion;
  readonly instanceId: Guid;
}

/** Message interrupts asked of the host: tokens in place of addresses, one hypercall to say where they go. */
export class HyperVMsiDomain implements MsiDomain {
  readonly #options: HyperVMsiOptions;

  constructor(options: HyperVMsiOptions) {
    this.#options = options;
  }

  /**
   * Asks for the messages and waits busily: an interrupt may be composed where nothing can sleep. Between looks the ring is
   * drained, and the function's vendor id read; once that is all ones the host won't answer any more.
   */
  *compose(slot: Slot, { vector, vp }: VectorTarget, count: number): Steps<MessageBlock | undefined> {
    const { platform, link, config, version } = this.#options;
    const vps = version < VpciVersion.V1_2 ? ALL_VPS : [vp];
    const request = { vector, vectorCount: count, deliveryMode: 'fixed', vps } as const;
    const transaction = link.ask(encodeCreateInterrupt(version, slot, request));
    if (transaction === undefined) return undefined;
    while (transaction.reply === undefined) {
      if (link.ended || config.vendorId(slot) === 0xffff) {
        link.abandon(transaction);
        platform.log(`no interrupt: ${link.ended ? 'the channel is gone' : 'the function is gone'}`);
        return undefined;
      }
      yield { label: 'interrupt', ready: () => transaction.reply !== undefined, timeoutMs: POLL_MS };
    }
    return messageBlock(transaction.reply, platform);
  }

  retarget(slot: Slot, { address }: MessageBlock, data: number, { vector, vp }: VectorTarget): boolean {
    const { platform, link, instanceId } = this.#options;
    // Over a channel that is closed there is nothing to be retargeted; the next opening makes new messages.
    if (link.ended) return true;
    const deviceId = deviceIdOf(instanceId, slotFields(slot).pciFunction);
    const addressLow = Number(address & 0xffff_ffffn);
    return platform.retarget({ deviceId, addressLow, data, vector, vps: [vp] }) === 0;
  }

  free(slot: Slot, { address, data, count }: MessageBlock): void {
    // Linux takes a block of no messages for one that is freed already.
    if (count === 0) return;
    this.#options.link.tell(encodeDeleteInterrupt(slot, { address, data, vectorCount: count }));
  }
}

function messageBlock(reply: Uint8Array, platform: GuestPlatform): MessageBlock | undefined {
  const { status } = REPLIES.STATUS.layout.decode(reply);
  const { layout } = REPLIES.INTERRUPT;
  if (isFailure(status) || reply.byteLength < layout.sizeBytes) {
    platform.log(`no interrupt: the host answers 0x${status.toString(16)} in ${reply.byteLength} bytes`);
    return undefined;
  }
  const { address, data, vectorCount } = MSI_TOKEN.decode(layout.decode(reply).interrupt);
  return { address, data, count: vectorCount };
}
