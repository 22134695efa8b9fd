import type { ClientChannel } from '../../../vmbus/index.ts';
import { CONFIG_WINDOW_BYTES } from '../../config-window.ts';
import { formatSlot, type Slot } from '../../slot.ts';
import type { HostMessage } from '../../wire/decode-host.ts';
import { encodeRequest } from '../../wire/encode-guest.ts';
import type { FunctionDescription } from '../../wire/encode-host.ts';
import { REPLIES } from '../../wire/replies.ts';
import { formatStatus, isFailure, NtStatus } from '../../wire/status.ts';
import { formatVersion } from '../../wire/version.ts';
import type { GuestPlatform } from '../guest-platform.ts';
import type { Steps } from '../guest-threads.ts';
import { HostLink } from '../host-link.ts';
import { FunctionNode } from './function-node.ts';
import type { BusIrp, BusIrpInformation } from './bus-irp.ts';
import { type IrpAnswer, type IrpHandlers, IrpStatus, success } from './irp.ts';
import type { ConfigSpace } from './message-table.ts';
import { WINDOWS_VERSIONS } from './windows-version.ts';

export interface BusNodeOptions {
  readonly platform: GuestPlatform;
  /** Opens the offer's channel; undefined: the host doesn't open it. */
  readonly open: () => ClientChannel | undefined;
  /** In the order in which they are asked for; 1.6 … 1.1 by default. */
  readonly versions?: readonly number[];
  /** The bus driver asks the system for something: to query relations again, or to eject a function. */
  readonly onRelationsChanged: () => void;
  readonly onEjectRequested: (node: FunctionNode) => void;
}

type NoParameters = Record<BusIrp, undefined>;

const CONFIG_PAGE = 0x1000;

/**
 * A bus driver in place of the PCI driver: the functional device object of one vPCI bus. It owns configuration space, resources
 * and interrupts of what is on it, and answers request packets; nothing below it is PCI to anybody else.
 */
export class BusNode {
  readonly #options: BusNodeOptions;
  readonly #link: HostLink;
  readonly #nodes = new Map<Slot, FunctionNode>();
  readonly #handlers: IrpHandlers<NoParameters, BusIrpInformation>;
  #version: number | undefined;
  #windowGpa: number | undefined;
  #querying = false;
  /** Functions that the host wants back and that the system hasn't been told of yet. */
  readonly #ejectsAhead = new Set<Slot>();
  #told: readonly FunctionDescription[] | undefined;

  constructor(options: BusNodeOptions) {
    this.#options = options;
    this.#link = new HostLink(
      (message) => this.#heard(message),
      () => options.platform.threads.run(),
      { dropsShortPackets: false },
    );
    this.#handlers = {
      start: () => this.#start(),
      'query-relations': () => this.#queryRelations(),
      remove: () => this.#remove(),
      'surprise-removal': () => this.#surpriseRemoval(),
    };
  }

  get version(): number | undefined {
    return this.#version;
  }

  /** Functions that the system was told of last. */
  get nodes(): readonly FunctionNode[] {
    return [...this.#nodes.values()];
  }

  get ended(): boolean {
    return this.#link.ended;
  }

  get ignoredPackets(): number {
    return this.#link.ignored;
  }

  snapshot(): unknown {
    const told = this.#told?.map(({ slot, serial }) => [slot, serial]);
    const link = [this.#link.ended, this.#link.outstanding];
    return [
      this.#version,
      this.#windowGpa,
      this.#querying,
      [...this.#ejectsAhead],
      told,
      link,
      this.nodes.map((node) => node.snapshot()),
    ];
  }

  dispatch<K extends BusIrp>(irp: K): Steps<IrpAnswer<BusIrpInformation[K]>> {
    return this.#handlers[irp](undefined);
  }

  /** The offer was rescinded: nothing is sent any more. The request packets follow. */
  rescinded(): void {
    this.#link.rescinded();
  }

  #heard(message: HostMessage): void {
    if (message.kind === 'bus-relations') {
      this.#told = message.functions;
      // The answer to a query is no news.
      if (!this.#querying) this.#options.onRelationsChanged();
    } else if (message.kind === 'eject') {
      const node = this.#nodes.get(message.slot);
      if (node !== undefined) this.#options.onEjectRequested(node);
      else if (this.#told?.some(({ slot }) => slot === message.slot) === true) this.#ejectsAhead.add(message.slot);
    }
  }

  *#start(): Steps<IrpAnswer<undefined>> {
    const { platform, open } = this.#options;
    const channel = open();
    if (channel === undefined) return { status: IrpStatus.NO_SUCH_DEVICE };
    this.#link.opened(channel);
    const status = yield* this.#handshake(platform);
    if (status === IrpStatus.SUCCESS) return success(undefined);
    platform.log(`the bus does not start: ${formatStatus(status)}`);
    this.#leave();
    return { status };
  }

  /** Version, then power; relations come with the latter, unasked. */
  *#handshake(platform: GuestPlatform): Steps<number> {
    for (const version of this.#options.versions ?? WINDOWS_VERSIONS) {
      const query = encodeRequest('QUERY_PROTOCOL_VERSION', { version });
      const status = yield* this.#status(`version ${formatVersion(version)}`, query);
      if (status === NtStatus.REVISION_MISMATCH) continue;
      if (isFailure(status)) return status;
      this.#version = version;
      break;
    }
    if (this.#version === undefined) return NtStatus.REVISION_MISMATCH;
    const windowGpa = platform.allocateMmio({ sizeBytes: CONFIG_WINDOW_BYTES, alignBytes: 4096, below4GiB: true });
    if (windowGpa === undefined) return NtStatus.INSUFFICIENT_RESOURCES;
    this.#windowGpa = windowGpa;
    return yield* this.#status('D0 entry', encodeRequest('BUS_D0ENTRY', { windowGpa: BigInt(windowGpa) }));
  }

  *#status(label: string, payload: Uint8Array): Steps<number> {
    const reply = yield* this.#link.request(label, payload);
    if (reply === undefined) return IrpStatus.NO_SUCH_DEVICE;
    return reply.byteLength < 4 ? IrpStatus.SUCCESS : REPLIES.STATUS.layout.decode(reply).status;
  }

  /** With a completion, which comes behind the relations. The nodes of functions that are there still stay the same. */
  *#queryRelations(): Steps<IrpAnswer<readonly FunctionNode[]>> {
    const { platform } = this.#options;
    const version = this.#version;
    if (version === undefined) return { status: IrpStatus.INVALID_DEVICE_STATE };
    this.#querying = true;
    const status = yield* this.#status('relations', encodeRequest('QUERY_BUS_RELATIONS', {}));
    this.#querying = false;
    const told = this.#told;
    if (isFailure(status) || told === undefined) return { status: IrpStatus.UNSUCCESSFUL };
    for (const [slot, { description }] of this.#nodes) {
      const same = told.some((each) => each.slot === slot && each.serial === description.serial);
      if (!same) this.#nodes.delete(slot);
    }
    for (const description of told) {
      const { slot } = description;
      if (this.#nodes.has(slot)) continue;
      const options = { platform, link: this.#link, version, description, config: this.#config(slot) };
      this.#nodes.set(slot, new FunctionNode(options));
      platform.log(`${formatSlot(slot)} reported`);
    }
    for (const slot of this.#ejectsAhead) {
      const node = this.#nodes.get(slot);
      if (node !== undefined) this.#options.onEjectRequested(node);
    }
    this.#ejectsAhead.clear();
    return success(this.nodes);
  }

  *#remove(): Steps<IrpAnswer<undefined>> {
    if (!this.#link.ended) yield* this.#status('D0 exit', encodeRequest('BUS_D0EXIT', {}));
    this.#leave();
    return success(undefined);
  }

  *#surpriseRemoval(): Steps<IrpAnswer<undefined>> {
    yield* [];
    this.#link.rescinded();
    return success(undefined);
  }

  #leave(): void {
    this.#link.close();
    this.#nodes.clear();
    this.#ejectsAhead.clear();
    this.#told = undefined;
    this.#version = undefined;
    if (this.#windowGpa !== undefined) this.#options.platform.freeMmio(this.#windowGpa);
    this.#windowGpa = undefined;
  }

  /** Every access selects its slot first. Nothing is answered from the description: drivers read what the host shows. */
  #config(slot: Slot): ConfigSpace {
    const { platform } = this.#options;
    const select = (): number | undefined => {
      if (this.#windowGpa === undefined) return undefined;
      platform.writeMmio(this.#windowGpa, 4, BigInt(slot));
      return this.#windowGpa + CONFIG_PAGE;
    };
    return {
      readConfig: (offset, sizeBytes) => {
        const page = select();
        return page === undefined ? 2 ** (8 * sizeBytes) - 1 : Number(platform.readMmio(page + offset, sizeBytes));
      },
      writeConfig: (offset, sizeBytes, value) => {
        const page = select();
        if (page !== undefined) platform.writeMmio(page + offset, sizeBytes, BigInt(value));
      },
    };
  }
}
