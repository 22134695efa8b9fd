import assert from 'node:assert/strict';
import { ChannelFault, type ClientChannel, type ClientPacket, type ClientRequest } from '../../vmbus/index.ts';
import { LinuxBus } from '../front-ends/linux/index.ts';
import { PnpManager } from '../front-ends/windows/index.ts';
import { encodeDeleteInterrupt, encodeRequest } from '../wire/encode-guest.ts';
import { encodeStatus } from '../wire/encode-host.ts';
import { HOST_MESSAGES } from '../wire/host-messages.ts';
import { NtStatus } from '../wire/status.ts';
import { INSTANCE_ID } from './fixture.ts';
import { type GuestKind, ModelMachine } from './machine/index.ts';
import { OneVectorDriver, SearchedFunction, Wire } from './searched-parts.ts';
import type { Searched } from './state-search.ts';

/** What the host, the guest and the wire between them can do next. The last ones count as mischief, and only so many are allowed. */
export const FRONT_END_EVENTS = [
  'bind',
  'unbind',
  'to host',
  'to guest',
  'time',
  'eject',
  'surprise removal',
  'rescind',
  'host overtakes itself',
  'host repeats itself',
  'guest repeats itself',
  'forged completion',
  'forged relations',
  'forged request',
] as const;
export type FrontEndEvent = (typeof FRONT_END_EVENTS)[number];

const MISCHIEF: readonly FrontEndEvent[] = FRONT_END_EVENTS.slice(8);

export interface SearchLimits {
  /** How often the guest is bound: once is enough to leave, twice to see what is left of the first time. */
  readonly binds: number;
  readonly mischief: number;
}

/** Polls of a wait that come to nothing, until the clock is taken to stand: more than the 100 of the longest time-out. */
const MOST_POLLS = 110;

/** More than any state has to deliver until both sides are at rest. */
const MOST_PACKETS = 500;

/** A front end and a provider, with every packet between them held until the search lets it go. */
export class SearchedFrontEnd implements Searched<FrontEndEvent> {
  readonly #limits: SearchLimits;
  readonly #machine: ModelMachine;
  readonly #fn = new SearchedFunction();
  readonly #guest: LinuxBus | PnpManager;
  #wire: Wire | undefined;
  #binds = 0;
  #unbinds = 0;
  #mischief = 0;
  #ejects = 0;
  #ejectsSeen = 0;
  #ejectedUnknown = false;
  #rescinded = false;
  #released = false;
  #surprised = false;
  /** Of the state that the last event led to; undefined: not asked for yet. */
  #key: string | undefined;

  constructor(kind: GuestKind, limits: SearchLimits) {
    this.#limits = limits;
    this.#machine = new ModelMachine({ functions: [{ slot: 0, make: () => this.#fn }], memoryPages: 1 });
    const common = {
      platform: this.#machine,
      drivers: [new OneVectorDriver()],
      open: () => this.#open(),
      onReleased: () => {
        this.#released = true;
        this.#machine.provider.released();
      },
    };
    this.#guest =
      kind === 'linux-style' ? new LinuxBus({ ...common, instanceId: INSTANCE_ID }) : new PnpManager(common);
  }

  possible(event: FrontEndEvent): boolean {
    if (this.#rescinded) return event === 'time' && this.#machine.threads.nextDeadlineMs !== undefined;
    if (MISCHIEF.includes(event) && this.#mischief >= this.#limits.mischief) return false;
    const wire = this.#wire?.open === true ? this.#wire : undefined;
    switch (event) {
      case 'bind':
        return !this.#holdsBus() && this.#binds < this.#limits.binds;
      case 'unbind':
        return this.#unbinds < this.#binds && this.#holdsBus();
      case 'to host':
      case 'guest repeats itself':
        return wire !== undefined && wire.toHost.length > 0;
      case 'to guest':
      case 'host repeats itself':
        return wire !== undefined && wire.toGuest.length > 0;
      case 'host overtakes itself':
        return wire !== undefined && wire.toGuest.length > 1;
      case 'forged completion':
      case 'forged relations':
      case 'forged request':
        return wire !== undefined;
      case 'time':
        return this.#machine.threads.nextDeadlineMs !== undefined;
      case 'eject':
        return this.#ejects < 2 && !this.#surprised;
      case 'surprise removal':
        return !this.#surprised;
      case 'rescind':
        return true;
    }
  }

  apply(event: FrontEndEvent): void {
    if (MISCHIEF.includes(event)) this.#mischief += 1;
    this.#do(event);
    this.#machine.threads.run();
    this.#key = undefined;
  }

  /**
   * What holds always; then that both come to rest by themselves when nobody interferes any more, and that a rescind ends it
   * all, whatever the state. Nothing can be applied afterwards.
   */
  check(): void {
    const { provider, port } = this.#machine;
    const { windowGpa, functions, connection } = provider.snapshot();
    assert.equal(port.window?.gpa, windowGpa, 'the config window is mapped in D0 and only then');
    if (windowGpa !== undefined) assert.equal(connection, 'negotiated', 'D0 needs a version');
    const messages = functions.reduce((sum, each) => sum + each.messages, 0);
    assert.equal(port.targets.size, messages, 'the machine knows every token');
    assert.ok(this.#ejectsSeen <= 1, 'EJECT at most once');
    assert.ok(port.ejections.length <= this.#ejectsSeen, 'an ejection ends once, if asked for');
    for (const { state } of functions) assert.equal(state === 'gone', this.#fn.handedBack, 'what is gone is back');

    this.#key = this.#makeKey();
    if (!this.#rescinded && this.#mischief === 0) this.#checkRest();
    if (!this.#rescinded) this.#rescind();
    this.#machine.threads.advance(60_000);
    assert.equal(this.#released, true, 'the guest lets go of a rescinded offer');
    assert.deepEqual(this.#machine.threads.snapshot(), [], 'no thread waits any more');
    assert.deepEqual(this.#machine.hardware.taken, { ranges: 0, buffers: 0, vectors: 0 }, 'nothing is kept');
    assert.equal(port.targets.size, 0, 'no token outlives the channel');
  }

  key(): string {
    return (this.#key ??= this.#makeKey());
  }

  /** With every packet delivered no thread waits for the host, and what was to be ejected is. */
  #checkRest(): void {
    this.#settle();
    assert.deepEqual(this.#machine.threads.snapshot(), [], 'nobody waits for ever');
    const { connection, functions } = this.#machine.provider.snapshot();
    assert.equal(connection !== 'closed', this.#holdsBus(), 'the channel is open while the guest has the bus');
    if (this.#ejectedUnknown) return;
    for (const { state } of functions)
      assert.notEqual(state, 'ejecting', 'an EJECT is answered, or the channel closed');
  }

  #settle(): void {
    for (let packets = 0; packets < MOST_PACKETS; packets += 1) {
      const wire = this.#wire;
      if (wire !== undefined && wire.toHost.length > 0) this.#toHost(wire.toHost.shift());
      else if (wire !== undefined && wire.toGuest.length > 0) this.#toGuest(wire.toGuest.shift());
      else if (this.#machine.threads.nextDeadlineMs !== undefined) this.#passTime();
      else return;
      this.#machine.threads.run();
    }
    assert.fail('packets go to and fro for ever');
  }

  /** What the guest's packets and the host's are, and everything behind them. */
  #makeKey(): string {
    const { threads, port, hardware } = this.#machine;
    const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
    const wire = this.#wire && [
      [this.#wire.open, this.#wire.served],
      this.#wire.toHost.map(({ payload, transactionId = 0n }) => `${transactionId} ${hex(payload)}`),
      this.#wire.toGuest.map(({ kind, payload, transactionId }) => `${kind} ${transactionId} ${hex(payload)}`),
    ];
    return JSON.stringify([
      [
        this.#binds,
        this.#unbinds,
        this.#mischief,
        this.#ejects,
        this.#ejectsSeen,
        this.#rescinded,
        this.#released,
        this.#surprised,
      ],
      this.#machine.provider.snapshot(),
      this.#guest.snapshot(),
      threads.snapshot(),
      wire,
      [port.ejections.length, [...port.targets], hardware.taken, this.#fn.command, this.#fn.handedBack],
    ]);
  }

  #holdsBus(): boolean {
    if (this.#guest instanceof LinuxBus) return this.#guest.state !== 'unbound';
    return this.#guest.started || this.#machine.threads.snapshot().length > 0;
  }

  #open(): ClientChannel {
    const { provider } = this.#machine;
    const wire: Wire = new Wire((reason) => provider.closed(reason));
    this.#wire = wire;
    const send = (packet: ClientPacket): void => {
      if (!wire.served) return;
      const type = packet.payload.byteLength < 4 ? 0 : new DataView(packet.payload.buffer).getUint32(0, true);
      if (packet.kind === 'in-band' && type === HOST_MESSAGES.EJECT.messageType) this.#ejectsSeen += 1;
      wire.toGuest.push(packet);
    };
    provider.opened({
      sendInBand: (payload) => send({ kind: 'in-band', transactionId: 0n, payload: padded(payload) }),
      complete: (transactionId, payload) => send({ kind: 'completion', transactionId, payload: padded(payload) }),
    });
    return wire;
  }

  #do(event: FrontEndEvent): void {
    const { provider } = this.#machine;
    const wire = this.#wire;
    switch (event) {
      case 'bind':
        this.#binds += 1;
        if (this.#guest instanceof LinuxBus) this.#guest.bind();
        else this.#guest.start();
        return;
      case 'unbind':
        this.#unbinds += 1;
        if (this.#guest instanceof LinuxBus) this.#guest.unbind();
        else this.#guest.remove();
        return;
      case 'to host':
        return this.#toHost(wire?.toHost.shift());
      case 'to guest':
        return this.#toGuest(wire?.toGuest.shift());
      case 'host overtakes itself':
        return this.#toGuest(wire?.toGuest.splice(1, 1)[0]);
      case 'host repeats itself':
        return this.#toGuest(wire?.toGuest[0]);
      case 'guest repeats itself':
        return this.#toHost(wire?.toHost[0]);
      case 'forged completion':
        return this.#toGuest({
          kind: 'completion',
          transactionId: 1n,
          payload: padded(encodeStatus(NtStatus.SUCCESS)),
        });
      case 'forged relations':
        return this.#toGuest({ kind: 'in-band', transactionId: 0n, payload: noFunctions() });
      case 'forged request':
        this.#toHost({ payload: encodeDeleteInterrupt(0, { address: 0xfee9_bcd0n, data: 1, vectorCount: 1 }) });
        return this.#toHost({ payload: encodeRequest('EJECTION_COMPLETE', { slot: 0 }) });
      case 'time':
        return this.#passTime();
      case 'eject':
        this.#ejects += 1;
        // Linux drops an EJECT for what it hasn't worked off the relations for; in D0 it has.
        if (this.#ejectsSeen === 0 && this.#guest instanceof LinuxBus)
          this.#ejectedUnknown = provider.snapshot().windowGpa === undefined;
        if (provider.eject() === 'not-connected') this.#machine.takeBack(0);
        return;
      case 'surprise removal':
        this.#surprised = true;
        provider.surpriseRemoved();
        return this.#machine.takeBack(0);
      case 'rescind':
        return this.#rescind();
    }
  }

  #toHost(request: ClientRequest | undefined): void {
    const wire = this.#wire;
    if (request === undefined || wire?.served !== true) return;
    const { payload, transactionId = 0n, completionRequested = false } = request;
    try {
      this.#machine.provider.packet({ kind: 'in-band', transactionId, completionRequested, payload: padded(payload) });
    } catch (error) {
      if (!(error instanceof ChannelFault)) throw error;
      // The guest isn't told: it goes on until it leaves, or the offer is rescinded.
      wire.hostEnded(error.message);
    }
  }

  #toGuest(packet: ClientPacket | undefined): void {
    if (packet !== undefined && this.#wire?.open === true) this.#wire.onPacket(packet);
  }

  /** Until something comes of it, or it is plain that nothing will. */
  #passTime(): void {
    const { threads } = this.#machine;
    const place = (): string => `${threads.snapshot().join()} ${this.#wire?.toHost.length}`;
    const before = place();
    for (let poll = 0; poll < MOST_POLLS && place() === before; poll += 1) {
      threads.advance((threads.nextDeadlineMs ?? threads.nowMs) - threads.nowMs);
    }
  }

  #rescind(): void {
    this.#rescinded = true;
    if (this.#wire !== undefined) this.#wire.open = false;
    this.#wire?.hostEnded('the offer was rescinded');
    this.#guest.rescinded();
  }
}

/** As a ring carries it. */
function padded(payload: Uint8Array): Uint8Array {
  const copy = new Uint8Array(Math.ceil(payload.byteLength / 8) * 8);
  copy.set(payload);
  return copy;
}

function noFunctions(): Uint8Array {
  const { layout, messageType } = HOST_MESSAGES.BUS_RELATIONS2;
  return layout.encode({ type: messageType, functionCount: 0 });
}
