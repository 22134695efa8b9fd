import { barSizeFromMask } from '../../../pci/index.ts';
import { formatSlot, type Slot } from '../../slot.ts';
import { encodeCreateInterrupt, encodeDeleteInterrupt, encodeRequest } from '../../wire/encode-guest.ts';
import type { FunctionDescription } from '../../wire/encode-host.ts';
import { REPLIES } from '../../wire/replies.ts';
import { withTail } from '../../wire/shape.ts';
import { formatStatus, isFailure, NtStatus } from '../../wire/status.ts';
import { MSI_TOKEN } from '../../wire/structures.ts';
import { VpciVersion } from '../../wire/version.ts';
import type { GuestPlatform } from '../guest-platform.ts';
import type { Steps } from '../guest-threads.ts';
import type { HostLink } from '../host-link.ts';
import { decodeAssignment, decodeCurrentResources, encodeAssignment, type MessageToken } from './assigned-resources.ts';
import type { BusInterface } from './bus-interface.ts';
import {
  type AssignedResources,
  type BarRequirement,
  type FunctionIrp,
  type FunctionIrpInformation,
  type FunctionIrpParameters,
  type IrpAnswer,
  type IrpHandlers,
  IrpStatus,
  success,
} from './irp.ts';
import { type ConfigSpace, MessageTable, msixOf } from './message-table.ts';
import { WindowsVersion } from './windows-version.ts';

/** WDM's states of a device, as far as a bus driver keeps them. */
export type NodeState =
  | 'not-started'
  | 'started'
  | 'stop-pending'
  | 'stopped'
  | 'remove-pending'
  | 'surprise-removed'
  | 'removed';

export interface FunctionNodeOptions {
  readonly platform: GuestPlatform;
  readonly link: HostLink;
  readonly version: number;
  readonly description: FunctionDescription;
  readonly config: ConfigSpace;
}

/** POWER_STATE_CHANGE's numbers (Windows wdm.h, DEVICE_POWER_STATE). */
const POWER_STATES = { D0: 1, D3: 4 } as const;

/** What Windows appends to GET_RESOURCES (OpenVMM vm/devices/pci/vpci_protocol, GetResources). */
const GET_RESOURCES_RESERVED_BYTES = 24;

/**
 * One function on the bus: the physical device object that a bus driver reports. Whoever drives the function reaches it by
 * request packets and by the interface that one of them gives, and by nothing else.
 */
export class FunctionNode {
  readonly slot: Slot;
  readonly #options: FunctionNodeOptions;
  readonly #messages: MessageTable;
  readonly #mostMessages: number;
  #state: NodeState = 'not-started';
  /** Whether the host has been told of resources that it hasn't been told to forget. */
  #assigned = false;
  #tokens: (MessageToken | undefined)[] = [];
  readonly #handlers: IrpHandlers<FunctionIrpParameters, FunctionIrpInformation>;

  constructor(options: FunctionNodeOptions) {
    this.#options = options;
    this.slot = options.description.slot;
    const msix = msixOf(options.config);
    this.#mostMessages = msix?.vectorCount ?? 0;
    this.#messages = new MessageTable(options.platform, options.config, msix);
    this.#handlers = this.#makeHandlers();
  }

  get state(): NodeState {
    return this.#state;
  }

  get description(): FunctionDescription {
    return this.#options.description;
  }

  snapshot(): unknown {
    return [this.slot, this.#state, this.#tokens.map((token) => token?.data), this.#messages.connected];
  }

  dispatch<K extends FunctionIrp>(
    irp: K,
    parameters: FunctionIrpParameters[K],
  ): Steps<IrpAnswer<FunctionIrpInformation[K]>> {
    return this.#handlers[irp](parameters);
  }

  #makeHandlers(): IrpHandlers<FunctionIrpParameters, FunctionIrpInformation> {
    const { identity, serial } = this.description;
    const to = (state: NodeState) => () => this.#now(state);
    return {
      'query-id': () => answered(identity),
      'query-capabilities': () => answered({ uniqueNumber: serial, address: this.slot, ejectSupported: true } as const),
      'query-resources': () => this.#queryResources(),
      'query-resource-requirements': () => this.#queryRequirements(),
      'filter-resource-requirements': (requirements) => answered(requirements),
      start: (resources) => this.#start(resources),
      'query-stop': () => this.#queryStop(),
      'cancel-stop': () => this.#cancelStop(),
      stop: () => this.#stop('stopped'),
      'query-remove': to('remove-pending'),
      'cancel-remove': to('started'),
      remove: () => this.#stop('removed'),
      'surprise-removal': () => this.#surpriseRemoval(),
      eject: () => this.#eject(),
      'query-interface': () => answered(this.#interface()),
      'set-power': (state) => this.#setPower(state),
    };
  }

  *#now(state: NodeState): Steps<IrpAnswer<undefined>> {
    yield* [];
    this.#state = state;
    return success(undefined);
  }

  /** The status of an answer; a channel that is gone answers that there is no such device. */
  *#ask(label: string, payload: Uint8Array): Steps<{ readonly status: number; readonly reply: Uint8Array }> {
    const reply = yield* this.#options.link.request(`${formatSlot(this.slot)} ${label}`, payload);
    if (reply === undefined) return { status: IrpStatus.NO_SUCH_DEVICE, reply: new Uint8Array() };
    // A completion without a payload says that it is done.
    const status = reply.byteLength < 4 ? IrpStatus.SUCCESS : REPLIES.STATUS.layout.decode(reply).status;
    return { status, reply };
  }

  #refused(what: string, status: number): { readonly status: number } {
    this.#options.platform.log(`${formatSlot(this.slot)}: ${what}: ${formatStatus(status)}`);
    return { status: isFailure(status) ? status : IrpStatus.UNSUCCESSFUL };
  }

  *#queryResources(): Steps<IrpAnswer<FunctionIrpInformation['query-resources']>> {
    const query = encodeRequest('QUERY_RESOURCE_RESOURCES', { slot: this.slot });
    const payload = withTail(query, new Uint8Array(GET_RESOURCES_RESERVED_BYTES));
    const { reply, status } = yield* this.#ask('current resources', payload);
    // The answer is a list, with no status of its own in front: a short one is a refusal.
    if (reply.byteLength < REPLIES.CURRENT_RESOURCES.layout.sizeBytes) return this.#refused('no resources', status);
    const bars = decodeCurrentResources(reply);
    return typeof bars === 'string' ? this.#refused(bars, IrpStatus.UNSUCCESSFUL) : success(bars);
  }

  *#queryRequirements(): Steps<IrpAnswer<FunctionIrpInformation['query-resource-requirements']>> {
    const query = encodeRequest('QUERY_RESOURCE_REQUIREMENTS', { slot: this.slot });
    const { reply, status } = yield* this.#ask('requirements', query);
    const { layout } = REPLIES.REQUIREMENTS;
    if (isFailure(status) || reply.byteLength < layout.sizeBytes) return this.#refused('no requirements', status);
    return success({ bars: barRequirements(layout.decode(reply).barMasks), mostMessages: this.#mostMessages });
  }

  *#start(resources: AssignedResources): Steps<IrpAnswer<undefined>> {
    const { version } = this.#options;
    const dynamic = version >= WindowsVersion.DYNAMIC_INTERRUPTS;
    const told = dynamic ? { bars: resources.bars, messages: [] } : resources;
    const { reply, status } = yield* this.#ask('resources', encodeAssignment(version, this.slot, told));
    if (isFailure(status)) return this.#refused('not started', status);
    const tokens = decodeAssignment(version, reply, told.messages.length);
    if (typeof tokens === 'string') return this.#refused(tokens, IrpStatus.UNSUCCESSFUL);
    this.#tokens = [...tokens];
    this.#assigned = true;
    this.#messages.started(resources);
    this.#state = 'started';
    return success(undefined);
  }

  /** A host that doesn't know the question has nothing against it. */
  *#queryStop(): Steps<IrpAnswer<undefined>> {
    const { status } = yield* this.#ask('query stop', encodeRequest('QUERY_STOP', { slot: this.slot }));
    if (isFailure(status) && status !== NtStatus.NOT_SUPPORTED) return this.#refused('must not be stopped', status);
    this.#state = 'stop-pending';
    return success(undefined);
  }

  *#cancelStop(): Steps<IrpAnswer<undefined>> {
    yield* [];
    this.#options.link.tell(encodeRequest('QUERY_STOP_FAILED', { slot: this.slot }));
    this.#state = 'started';
    return success(undefined);
  }

  /** Its resources go back. A host that can't be told any more has taken them. */
  *#stop(state: 'stopped' | 'removed'): Steps<IrpAnswer<undefined>> {
    const release = encodeRequest('RESOURCES_RELEASED', { slot: this.slot });
    if (this.#assigned && this.#state !== 'surprise-removed') yield* this.#ask('release', release);
    this.#assigned = false;
    this.#messages.stopped();
    this.#tokens = [];
    this.#state = state;
    return success(undefined);
  }

  *#surpriseRemoval(): Steps<IrpAnswer<undefined>> {
    yield* [];
    this.#state = 'surprise-removed';
    return success(undefined);
  }

  *#eject(): Steps<IrpAnswer<undefined>> {
    yield* [];
    this.#options.link.tell(encodeRequest('EJECTION_COMPLETE', { slot: this.slot }));
    return success(undefined);
  }

  *#setPower(state: 'D0' | 'D3'): Steps<IrpAnswer<undefined>> {
    if (this.#state === 'surprise-removed') return success(undefined);
    if (state === 'D3') this.#messages.setEnabled(false);
    const change = encodeRequest('POWER_STATE_CHANGE', { slot: this.slot, state: POWER_STATES[state] });
    const { status } = yield* this.#ask(`power ${state}`, change);
    if (isFailure(status)) return this.#refused(`no power state ${state}`, status);
    if (state === 'D0') yield* this.#programMessages();
    return success(undefined);
  }

  /** After a start the function has lost its table: whatever is connected is programmed again. */
  *#programMessages(): Steps<void> {
    if (this.#messages.count > 0) this.#messages.setEnabled(true);
    for (const index of this.#messages.connected) yield* this.#programMessage(index);
  }

  *#programMessage(index: number): Steps<boolean> {
    if (this.#options.version >= WindowsVersion.DYNAMIC_INTERRUPTS) this.#tokens[index] ??= yield* this.#create(index);
    const token = this.#tokens[index];
    if (token !== undefined) this.#messages.program(index, token);
    return token !== undefined;
  }

  *#create(index: number): Steps<MessageToken | undefined> {
    const target = this.#messages.target(index);
    if (target === undefined) return undefined;
    const request = { vector: target.vector, vectorCount: 1, deliveryMode: 'fixed', vps: [target.vp] } as const;
    const { status, reply } = yield* this.#ask(
      'interrupt',
      encodeCreateInterrupt(VpciVersion.V1_4, this.slot, request),
    );
    const { layout } = REPLIES.INTERRUPT;
    if (isFailure(status) || reply.byteLength < layout.sizeBytes) {
      this.#refused('no interrupt', status);
      return undefined;
    }
    return MSI_TOKEN.decode(layout.decode(reply).interrupt);
  }

  #interface(): BusInterface {
    const { config, platform } = this.#options;
    return {
      getBusData: (offset, sizeBytes) => config.readConfig(offset, sizeBytes),
      setBusData: (offset, sizeBytes, value) => config.writeConfig(offset, sizeBytes, value),
      allocateCommonBuffer: (sizeBytes) => platform.allocateDma(sizeBytes),
      freeCommonBuffer: (buffer) => platform.freeDma(buffer),
      messageCount: () => this.#messages.count,
      connectMessage: (index, handler) => this.#connect(index, handler),
      disconnectMessage: (index) => this.#disconnect(index),
      reset: () => this.#reset(),
    };
  }

  *#connect(index: number, handler: () => void): Steps<boolean> {
    this.#messages.connect(index, handler);
    this.#messages.setEnabled(true);
    return yield* this.#programMessage(index);
  }

  *#disconnect(index: number): Steps<void> {
    this.#messages.disconnect(index);
    const token = this.#tokens[index];
    if (token === undefined || this.#options.version < WindowsVersion.DYNAMIC_INTERRUPTS) return;
    this.#tokens[index] = undefined;
    yield* this.#ask('delete interrupt', encodeDeleteInterrupt(this.slot, { ...token, vectorCount: 1 }));
  }

  *#reset(): Steps<boolean> {
    if (this.#options.version < WindowsVersion.DEVICE_RESET) return false;
    const { status } = yield* this.#ask('reset', encodeRequest('RESET_DEVICE', { slot: this.slot }));
    return !isFailure(status);
  }
}

function* answered<T>(information: T): Steps<IrpAnswer<T>> {
  yield* [];
  return success(information);
}

/** What the six masks say; I/O BARs and empty ones are left out. */
function barRequirements(barMasks: Uint8Array): BarRequirement[] {
  const view = new DataView(barMasks.buffer, barMasks.byteOffset, barMasks.byteLength);
  const found: BarRequirement[] = [];
  for (let index = 0; index < 6; index += 1) {
    const low = view.getUint32(4 * index, true);
    if (low === 0 || (low & 1) === 1) continue;
    const wide = (low & 0x4) !== 0 && index < 5;
    const high = wide ? view.getUint32(4 * (index + 1), true) : undefined;
    found.push({ index, kind: wide ? 'memory64' : 'memory32', sizeBytes: barSizeFromMask({ low, high }) });
    if (wide) index += 1;
  }
  return found;
}
