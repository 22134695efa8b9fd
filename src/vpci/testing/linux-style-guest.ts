import { type ClientChannel, MemoryChannel } from '../../vmbus/index.ts';
import type { InterruptRequest } from '../interrupt-tokens.ts';
import type { VpciProvider } from '../provider.ts';
import type { Slot } from '../slot.ts';
import { decodeHostMessage, type HostMessage } from '../wire/decode-host.ts';
import { encodeCreateInterrupt, encodeRequest } from '../wire/encode-guest.ts';
import type { FunctionDescription } from '../wire/encode-host.ts';
import { REPLIES } from '../wire/replies.ts';
import { NtStatus } from '../wire/status.ts';
import { MSI_TOKEN } from '../wire/structures.ts';
import { VpciVersion } from '../wire/version.ts';

/** What the guest was told in its handshake. */
export interface Handshake {
  readonly version: VpciVersion;
  readonly functions: readonly FunctionDescription[];
  /** By slot. */
  readonly barMasks: ReadonlyMap<Slot, readonly number[]>;
}

export interface CreatedInterrupt {
  readonly address: bigint;
  readonly data: number;
  readonly vectorCount: number;
}

/** In the order in which Linux 6.1 asks for them. */
const LINUX_VERSIONS = [VpciVersion.V1_4, VpciVersion.V1_3, VpciVersion.V1_2, VpciVersion.V1_1] as const;

export const WINDOW_GPA = 0xe000_0000n;

/** Sends what Linux's driver sends, in its order, and looks at no more of the answers than it does. */
export class LinuxStyleDriver<C extends ClientChannel> {
  readonly channel: C;
  /** In-band messages, in order. */
  readonly told: HostMessage[] = [];
  readonly #completions = new Map<bigint, Uint8Array>();
  #transactionId = 0n;

  /** A channel that hands over its packets before send() returns. */
  constructor(channel: C) {
    this.channel = channel;
    this.channel.onPacket = ({ kind, transactionId, payload }) => {
      // Linux drops packets of up to 20 bytes, header included.
      if (payload.byteLength + 16 <= 20) return;
      if (kind === 'completion') {
        this.#completions.set(transactionId, payload);
        return;
      }
      const message = decodeHostMessage(payload);
      if (message === undefined) throw new Error('Linux would not understand this packet');
      this.told.push(message);
    };
  }

  /** Sends without asking for a completion. */
  tell(payload: Uint8Array): void {
    this.channel.send({ payload });
  }

  /** Sends, asks for a completion and returns its payload; undefined: none came that Linux would see. */
  ask(payload: Uint8Array): Uint8Array | undefined {
    this.#transactionId = (this.#transactionId % 64n) + 1n;
    const transactionId = this.#transactionId;
    this.channel.send({ payload, transactionId, completionRequested: true });
    const completion = this.#completions.get(transactionId);
    this.#completions.delete(transactionId);
    return completion;
  }

  /** {@link ask}, and its status. */
  askStatus(payload: Uint8Array): number {
    const completion = this.ask(payload);
    if (completion === undefined) throw new Error('the host did not complete the request');
    return REPLIES.STATUS.layout.decode(completion).status;
  }

  /** Agree on a version, learn of the functions, enter D0, assign resources: as hv_pci_probe does. */
  probe(versions: readonly VpciVersion[] = LINUX_VERSIONS, windowGpa: bigint = WINDOW_GPA): Handshake {
    const version = this.negotiate(versions);
    const functions = this.queryRelations();
    const barMasks = new Map(functions.map(({ slot }) => [slot, this.queryBarMasks(slot)] as const));
    this.#expectSuccess(encodeRequest('BUS_D0ENTRY', { windowGpa }));
    for (const { slot } of functions) this.#expectSuccess(linuxResourcesAssigned(version, slot));
    return { version, functions, barMasks };
  }

  negotiate(versions: readonly VpciVersion[]): VpciVersion {
    for (const version of versions) {
      const status = this.askStatus(encodeRequest('QUERY_PROTOCOL_VERSION', { version }));
      if (status === NtStatus.SUCCESS) return version;
      if (status !== NtStatus.REVISION_MISMATCH) throw new Error(`Linux gives up: -EPROTO, 0x${status.toString(16)}`);
    }
    throw new Error('Linux found no version');
  }

  queryRelations(): readonly FunctionDescription[] {
    const before = this.told.length;
    this.tell(encodeRequest('QUERY_BUS_RELATIONS', {}));
    const relations = this.told.slice(before).findLast((message) => message.kind === 'bus-relations');
    if (relations === undefined) throw new Error('Linux waits for bus relations for ever');
    return relations.functions;
  }

  queryBarMasks(slot: Slot): readonly number[] {
    const reply = this.ask(encodeRequest('QUERY_RESOURCE_REQUIREMENTS', { slot }));
    if (reply === undefined) throw new Error('no resource requirements');
    const view = new DataView(REPLIES.REQUIREMENTS.layout.decode(reply).barMasks.buffer);
    return Array.from({ length: 6 }, (_, i) => view.getUint32(4 * i, true));
  }

  /** Throws unless the host answers with a token. */
  createInterrupt(version: VpciVersion, slot: Slot, request: Partial<InterruptRequest> = {}): CreatedInterrupt {
    const full: InterruptRequest = { vector: 0x21, vectorCount: 1, deliveryMode: 'fixed', vps: [1], ...request };
    const reply = this.ask(encodeCreateInterrupt(version, slot, full));
    if (reply === undefined || reply.byteLength < 24) throw new Error('the vector is silently dead');
    return MSI_TOKEN.decode(REPLIES.INTERRUPT.layout.decode(reply).interrupt);
  }

  #expectSuccess(payload: Uint8Array): void {
    const status = this.askStatus(payload);
    if (status !== NtStatus.SUCCESS) throw new Error(`Linux gives up: 0x${status.toString(16)}`);
  }
}

/** The driver over a channel without rings. */
export class LinuxStyleGuest extends LinuxStyleDriver<MemoryChannel> {
  constructor(provider: VpciProvider) {
    super(new MemoryChannel(provider));
  }

  /** Opens the channel, then probes. */
  handshake(versions?: readonly VpciVersion[]): Handshake {
    this.channel.open();
    return this.probe(versions);
  }
}

/** Zeros after the slot, in the length Linux sends. */
export function linuxResourcesAssigned(version: VpciVersion, slot: Slot): Uint8Array {
  const v1 = version < VpciVersion.V1_2;
  const payload = new Uint8Array(v1 ? 148 : 202);
  payload.set(encodeRequest(v1 ? 'RESOURCES_ASSIGNED' : 'RESOURCES_ASSIGNED2', { slot }));
  return payload;
}
