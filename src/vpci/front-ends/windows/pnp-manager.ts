import type { ClientChannel } from '../../../vmbus/index.ts';
import { DriverFailure, type FunctionDriver, type RunningFunction, type StopReason } from '../function-driver.ts';
import type { GuestPlatform } from '../guest-platform.ts';
import { type Steps, WorkQueue } from '../guest-threads.ts';
import { BusNode } from './bus-node.ts';
import type { FunctionNode } from './function-node.ts';
import { FunctionStack } from './function-stack.ts';
import type { AssignedResources, ResourceRequirements } from './irp.ts';

export interface PnpManagerOptions {
  readonly platform: GuestPlatform;
  readonly open: () => ClientChannel | undefined;
  readonly drivers: readonly FunctionDriver[];
  readonly versions?: readonly number[];
  /** The guest has let go of an offer that was rescinded. */
  readonly onReleased?: () => void;
}

interface Device {
  readonly node: FunctionNode;
  readonly stack: FunctionStack;
  running: RunningFunction | undefined;
}

/**
 * As much of a plug-and-play manager as one vPCI bus needs: it sends the request packets, in the order that drivers rely on, finds
 * resources, and starts function drivers over the interface that the bus driver gives. One thing at a time, on the
 * platform's threads.
 */
export class PnpManager {
  readonly bus: BusNode;
  readonly #options: PnpManagerOptions;
  readonly #platform: GuestPlatform;
  readonly #work: WorkQueue;
  readonly #devices = new Map<FunctionNode, Device>();
  readonly #ejecting = new Set<FunctionNode>();
  #started = false;
  #rescinded = false;

  constructor(options: PnpManagerOptions) {
    this.#options = options;
    this.#platform = options.platform;
    this.#work = new WorkQueue(options.platform.threads, 'plug and play');
    this.bus = new BusNode({
      ...options,
      onRelationsChanged: () => {
        if (this.#started) this.#work.add(() => this.#enumerate());
      },
      onEjectRequested: (node) => this.#ejectRequested(node),
    });
  }

  get started(): boolean {
    return this.#started;
  }

  /** Nodes whose driver runs. */
  get driven(): readonly FunctionNode[] {
    return [...this.#devices.values()].flatMap(({ node, running }) => (running === undefined ? [] : [node]));
  }

  snapshot(): unknown {
    const devices = [...this.#devices.values()].map(({ node, running }) => [node.slot, running !== undefined]);
    const ejecting = [...this.#ejecting].map(({ slot }) => slot);
    return [this.#started, this.#rescinded, devices, ejecting, this.#work.idle, this.bus.snapshot()];
  }

  /** The offer is there: the bus is started, and everything on it. */
  start(): void {
    this.#work.add(() => this.#start());
  }

  /** The bus is disabled by the guest itself. */
  remove(): void {
    this.#work.add(() => this.#removeBus('orderly'));
  }

  /** Every function gets resources anew, its driver standing still meanwhile; `veto`: it is asked, and then it isn't done. */
  rebalance(veto = false): void {
    this.#work.add(() => this.#rebalance(veto));
  }

  /** Every function goes to D3, and back. */
  sleep(): void {
    this.#work.add(() => this.#sleep());
  }

  /** The host takes the offer back. */
  rescinded(): void {
    if (this.#rescinded) return;
    this.#rescinded = true;
    this.bus.rescinded();
    this.#work.add(() => this.#surpriseRemoval());
  }

  *#start(): Steps<void> {
    if (this.#started || this.#rescinded) return;
    const { status } = yield* this.bus.dispatch('start');
    if (status !== 0) return;
    this.#started = true;
    yield* this.#enumerate();
  }

  /** Functions that were reported and aren't any more are gone; new ones are started. */
  *#enumerate(): Steps<void> {
    if (!this.#started || this.bus.ended) return;
    const { information: nodes } = yield* this.bus.dispatch('query-relations');
    if (nodes === undefined) return;
    for (const node of [...this.#devices.keys()]) if (!nodes.includes(node)) yield* this.#lose(node);
    for (const node of nodes)
      if (node.state === 'not-started' && !this.#devices.has(node)) yield* this.#startNode(node);
  }

  *#startNode(node: FunctionNode): Steps<void> {
    const { information: identity } = yield* node.dispatch('query-id', undefined);
    yield* node.dispatch('query-capabilities', undefined);
    const driver = identity && this.#options.drivers.find((candidate) => candidate.matches(identity));
    if (identity === undefined || driver === undefined) return;
    const { information: bus } = yield* node.dispatch('query-interface', undefined);
    yield* node.dispatch('query-resources', undefined);
    const requirements = yield* node.dispatch('query-resource-requirements', undefined);
    if (requirements.information === undefined || bus === undefined) return;
    const wished = yield* node.dispatch('filter-resource-requirements', {
      ...requirements.information,
      mostMessages: Math.min(requirements.information.mostMessages, driver.vectorsWanted),
    });
    const resources = wished.information && this.#arbitrate(wished.information);
    if (resources === undefined) return;
    const device = { node, stack: new FunctionStack(node.slot, identity, resources, bus, this.#platform) };
    if (!(yield* this.#power(node, resources))) {
      this.#giveBack(resources);
      return;
    }
    const running = yield* this.#startDriver(driver, device.stack);
    if (running === undefined) {
      yield* this.#letGo({ ...device, running });
    } else this.#devices.set(node, { ...device, running });
  }

  /** Resources, then power. */
  *#power(node: FunctionNode, resources: AssignedResources): Steps<boolean> {
    if ((yield* node.dispatch('start', resources)).status !== 0) return false;
    if ((yield* node.dispatch('set-power', 'D0')).status === 0) return true;
    yield* node.dispatch('remove', undefined);
    return false;
  }

  *#startDriver(driver: FunctionDriver, stack: FunctionStack): Steps<RunningFunction | undefined> {
    try {
      return yield* driver.start(stack);
    } catch (error) {
      if (!(error instanceof DriverFailure)) throw error;
      stack.log(`${driver.name}: ${error.message}`);
      return undefined;
    }
  }

  /** Places and vectors; undefined, and nothing taken, where there aren't enough. */
  #arbitrate({ bars, mostMessages }: ResourceRequirements): AssignedResources | undefined {
    const placed: AssignedResources['bars'][number][] = [];
    const messages: AssignedResources['messages'][number][] = [];
    for (const { index, kind, sizeBytes } of bars) {
      const below4GiB = kind === 'memory32';
      const gpa = this.#platform.allocateMmio({ sizeBytes, alignBytes: Math.max(4096, sizeBytes), below4GiB });
      if (gpa === undefined) {
        this.#giveBack({ bars: placed, messages });
        return undefined;
      }
      placed.push({ index, gpa, sizeBytes });
    }
    for (let message = 0; message < mostMessages; message += 1) {
      const target = this.#platform.allocateVector();
      if (target !== undefined) messages.push(target);
    }
    return { bars: placed, messages };
  }

  #giveBack({ bars, messages }: AssignedResources): void {
    for (const { gpa } of bars) this.#platform.freeMmio(gpa);
    for (const target of messages) this.#platform.freeVector(target);
  }

  #ejectRequested(node: FunctionNode): void {
    if (this.#ejecting.has(node)) return;
    this.#ejecting.add(node);
    this.#work.add(() => this.#eject(node));
  }

  *#eject(node: FunctionNode): Steps<void> {
    yield* node.dispatch('query-remove', undefined);
    const device = this.#devices.get(node);
    if (device !== undefined) {
      yield* device.running?.stop('orderly') ?? [];
      yield* this.#letGo({ ...device, running: undefined });
    }
    yield* node.dispatch('eject', undefined);
    this.#ejecting.delete(node);
  }

  /** Power off, resources back. The driver has been stopped. */
  *#letGo({ node, stack }: Device): Steps<void> {
    yield* node.dispatch('set-power', 'D3');
    yield* node.dispatch('remove', undefined);
    this.#giveBack(stack.resources);
    this.#devices.delete(node);
  }

  *#lose(node: FunctionNode): Steps<void> {
    const device = this.#devices.get(node);
    yield* node.dispatch('surprise-removal', undefined);
    if (device === undefined) return;
    yield* device.running?.stop('gone') ?? [];
    yield* this.#letGo({ ...device, running: undefined });
  }

  *#rebalance(veto: boolean): Steps<void> {
    for (const device of this.#devices.values()) {
      const { node, stack } = device;
      const { status } = yield* node.dispatch('query-stop', undefined);
      if (status !== 0) continue;
      if (veto) {
        yield* node.dispatch('cancel-stop', undefined);
        continue;
      }
      yield* device.running?.suspend() ?? [];
      yield* node.dispatch('set-power', 'D3');
      yield* node.dispatch('stop', undefined);
      const before = stack.resources;
      const moved = this.#arbitrate({ bars: barsOf(stack), mostMessages: before.messages.length });
      if (moved !== undefined) {
        stack.resources = moved;
        this.#giveBack(before);
      }
      yield* this.#backToWork(device, yield* this.#power(node, stack.resources));
    }
  }

  *#sleep(): Steps<void> {
    for (const device of this.#devices.values()) {
      yield* device.running?.suspend() ?? [];
      yield* device.node.dispatch('set-power', 'D3');
      const { status } = yield* device.node.dispatch('set-power', 'D0');
      yield* this.#backToWork(device, status === 0);
    }
  }

  *#backToWork(device: Device, powered: boolean): Steps<void> {
    const running = device.running;
    if (running === undefined) return;
    try {
      if (!powered) throw new DriverFailure('it does not come back');
      yield* running.resume();
    } catch (error) {
      if (!(error instanceof DriverFailure)) throw error;
      device.stack.log(error.message);
      device.running = undefined;
      if (!powered) yield* running.stop('gone');
      yield* this.#letGo(device);
    }
  }

  *#surpriseRemoval(): Steps<void> {
    for (const node of [...this.#devices.keys()]) yield* this.#lose(node);
    yield* this.bus.dispatch('surprise-removal');
    yield* this.#removeBus('gone');
    this.#options.onReleased?.();
  }

  *#removeBus(reason: StopReason): Steps<void> {
    if (!this.#started) return;
    for (const device of [...this.#devices.values()]) {
      yield* device.node.dispatch('query-remove', undefined);
      yield* device.running?.stop(reason) ?? [];
      yield* this.#letGo({ ...device, running: undefined });
    }
    this.#started = false;
    yield* this.bus.dispatch('remove');
  }
}

function barsOf({ resources }: FunctionStack): ResourceRequirements['bars'] {
  return resources.bars.map(({ index, gpa, sizeBytes }) => ({
    index,
    kind: gpa < 2 ** 32 ? 'memory32' : 'memory64',
    sizeBytes,
  }));
}
