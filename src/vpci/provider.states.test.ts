import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VpciProvider } from './provider.ts';
import type { Slot } from './slot.ts';
import { SpyFunction } from './testing/spy-function.ts';
import { FakeMachine } from './testing/fake-machine.ts';
import { INSTANCE_ID } from './testing/fixture.ts';
import { type CreatedInterrupt, LinuxStyleGuest } from './testing/linux-style-guest.ts';
import { type Searched, searchStates } from './testing/state-search.ts';
import { encodeCreateInterrupt, encodeDeleteInterrupt, encodeRequest } from './wire/encode-guest.ts';
import { REPLIES } from './wire/replies.ts';
import { MSI_TOKEN } from './wire/structures.ts';
import { VpciVersion } from './wire/version.ts';

/** Tokens a guest of the search keeps at a time: more tell nothing new. */
const MOST_TOKENS = 2;

const BUS_EVENTS = [
  'open',
  'version',
  'bad version',
  'relations',
  'D0 entry',
  'bad D0 entry',
  'D0 exit',
  'close',
  'rescind',
  'surprise removal',
] as const;
const FUNCTION_EVENTS = ['requirements', 'assigned', 'released', 'create', 'delete', 'eject', 'ejected'] as const;
type BusEvent = (typeof BUS_EVENTS)[number];
type FunctionEvent = (typeof FUNCTION_EVENTS)[number];
type SearchEvent = BusEvent | `${FunctionEvent} ${0 | 1}`;

const isBusEvent = (event: SearchEvent): event is BusEvent => BUS_EVENTS.some((each) => each === event);
const slotOfEvent = (event: string): Slot => (event.endsWith('1') ? 1 : 0);

/** A provider, a machine and a guest that may do anything in any order. */
class BusUnderSearch implements Searched<SearchEvent> {
  readonly functions: readonly SpyFunction[];
  readonly machine = new FakeMachine();
  readonly provider: VpciProvider;
  readonly guest: LinuxStyleGuest;
  readonly tokens: [CreatedInterrupt[], CreatedInterrupt[]] = [[], []];
  readonly ejectResults: string[] = [];
  rescinded = false;

  constructor(functionCount: number) {
    this.functions = Array.from({ length: functionCount }, () => new SpyFunction());
    const placed = this.functions.map((each, slot) => ({ function: each, slot }));
    this.provider = new VpciProvider({ instanceId: INSTANCE_ID, functions: placed, port: this.machine });
    this.guest = new LinuxStyleGuest(this.provider);
    this.machine.onEjection = (slot) => this.#handBack(slot);
  }

  get isOpen(): boolean {
    return this.guest.channel.closedReason === undefined;
  }

  possible(event: SearchEvent): boolean {
    if (event === 'open') return !this.isOpen && !this.rescinded;
    if (event === 'rescind') return !this.rescinded;
    if (event === 'surprise removal' || event.startsWith('eject ')) return true;
    if (event.startsWith('create')) return this.isOpen && this.tokens[slotOfEvent(event) as 0 | 1].length < MOST_TOKENS;
    return this.isOpen;
  }

  apply(event: SearchEvent): void {
    if (isBusEvent(event)) this.#applyToBus(event);
    else this.#applyToFunction(event);
    const { functions } = this.provider.snapshot();
    for (const { slot, messages } of functions) if (messages === 0) this.tokens[slot as 0 | 1].length = 0;
  }

  check(): void {
    const { connection, windowGpa, functions } = this.provider.snapshot();
    assert.equal(connection !== 'closed', this.isOpen, 'open on both sides');
    assert.equal(this.machine.window?.gpa, windowGpa, 'the config window is mapped in D0 and only then');
    if (windowGpa !== undefined) {
      assert.equal(connection, 'negotiated', 'D0 needs a version');
      assert.deepEqual(
        this.machine.window?.plan,
        this.provider.configWindowPlan(),
        'the window answers by the latest plan',
      );
    }
    const messages = functions.reduce((sum, each) => sum + each.messages, 0);
    assert.equal(this.machine.targets.size, messages, 'the machine knows every token, and they differ');
    if (windowGpa === undefined) assert.equal(messages, 0, 'no token outlives D0');
    for (const { slot, state, messages: held } of functions) {
      if (state === 'gone') assert.equal(held, 0, 'no token outlives its function');
      if (connection === 'closed') assert.notEqual(state, 'ejecting', 'a guest without a channel has let go');
      const ejects = this.guest.told.filter((told) => told.kind === 'eject' && told.slot === slot).length;
      assert.ok(ejects <= 1, 'EJECT at most once for a slot');
      assert.ok(
        this.machine.ejections.filter((each) => each.slot === slot).length <= ejects,
        'an ejection ends once, if asked for',
      );
      this.provider.configWindowWrite(0, 4, slot);
      const visible = this.provider.configWindowRead(0x1000, 2) !== 0xffff;
      assert.equal(
        visible,
        windowGpa !== undefined && state !== 'gone',
        'config space answers in D0 for what is there',
      );
      const fn = this.functions[slot];
      if (windowGpa === undefined && fn?.handedBack === false)
        assert.equal(fn.command & 2, 0, 'no decoding outside D0');
    }
    this.provider.configWindowWrite(0, 4, 0);
  }

  key(): string {
    const ejects = this.guest.told.filter(({ kind }) => kind === 'eject').length;
    const decoding = this.functions.map((fn) => fn.command);
    return JSON.stringify([this.provider.snapshot(), this.rescinded, ejects, this.machine.ejections, decoding]);
  }

  #applyToBus(event: BusEvent): void {
    switch (event) {
      case 'open':
        return this.guest.channel.open();
      case 'version':
        return this.guest.tell(encodeRequest('QUERY_PROTOCOL_VERSION', { version: VpciVersion.V1_4 }));
      case 'bad version':
        return this.guest.tell(encodeRequest('QUERY_PROTOCOL_VERSION', { version: 0x1_0006 }));
      case 'relations':
        return this.#queryRelations();
      case 'D0 entry':
        this.guest.tell(encodeRequest('BUS_D0ENTRY', { windowGpa: 0xe000_0000n }));
        // What drivers do first; a window that isn't there swallows it.
        return this.provider.configWindowWrite(0x1004, 2, 2);
      case 'bad D0 entry':
        return this.guest.tell(encodeRequest('BUS_D0ENTRY', { windowGpa: 0xe000_0001n }));
      case 'D0 exit':
        return this.guest.tell(encodeRequest('BUS_D0EXIT', {}));
      case 'close':
        return this.guest.channel.close();
      case 'rescind':
        this.rescinded = true;
        return this.guest.channel.release();
      case 'surprise removal':
        this.provider.surpriseRemoved();
        for (const slot of this.functions.keys()) this.#handBack(slot);
    }
  }

  #applyToFunction(event: string): void {
    const slot = slotOfEvent(event) as 0 | 1;
    switch (event.slice(0, -2) as FunctionEvent) {
      case 'requirements':
        return this.guest.tell(encodeRequest('QUERY_RESOURCE_REQUIREMENTS', { slot }));
      case 'assigned':
        return this.guest.tell(encodeRequest('RESOURCES_ASSIGNED2', { slot }));
      case 'released':
        return this.guest.tell(encodeRequest('RESOURCES_RELEASED', { slot }));
      case 'create':
        return this.#create(slot);
      case 'delete': {
        const token = this.tokens[slot].pop() ?? { address: 0xfee9_bcd0n, data: 9, vectorCount: 1 };
        return this.guest.tell(encodeDeleteInterrupt(slot, token));
      }
      case 'eject':
        if (this.provider.eject(slot) === 'not-connected') this.#handBack(slot);
        return;
      case 'ejected':
        return this.guest.tell(encodeRequest('EJECTION_COMPLETE', { slot }));
    }
  }

  #queryRelations(): void {
    const before = this.guest.told.length;
    this.guest.tell(encodeRequest('QUERY_BUS_RELATIONS', {}));
    if (!this.isOpen) return;
    const here = this.provider.snapshot().functions.filter(({ state }) => state !== 'gone');
    const [relations, ...more] = this.guest.told.slice(before);
    assert.equal(more.length, 0);
    assert.ok(relations?.kind === 'bus-relations', 'a query is always answered in-band');
    assert.deepEqual(
      relations.functions.map(({ slot }) => slot),
      here.map(({ slot }) => slot),
    );
  }

  #create(slot: 0 | 1): void {
    const request = { vector: 0x40, vectorCount: 1, deliveryMode: 'fixed', vps: [0] } as const;
    const reply = this.guest.ask(encodeCreateInterrupt(VpciVersion.V1_4, slot, request));
    if (reply === undefined || reply.byteLength < 24) return;
    this.tokens[slot].push(MSI_TOKEN.decode(REPLIES.INTERRUPT.layout.decode(reply).interrupt));
  }

  /** The machine detaches the function: from now on touching it is an error. */
  #handBack(slot: Slot): void {
    const fn = this.functions[slot];
    if (fn !== undefined) fn.handedBack = true;
  }
}

for (const functionCount of [1, 2] as const) {
  test(`every state of a bus with ${functionCount} function(s)`, (t) => {
    const slots = ([0, 1] as const).slice(0, functionCount);
    const events: SearchEvent[] = [
      ...BUS_EVENTS,
      ...slots.flatMap((slot) => FUNCTION_EVENTS.map((event) => `${event} ${slot}` as const)),
    ];
    const { states, transitions, depth } = searchStates(() => new BusUnderSearch(functionCount), events, 20_000);
    t.diagnostic(`${states} states, ${transitions} transitions, at most ${depth} events deep`);
    assert.ok(states > 40 * functionCount, 'the search got somewhere');
  });
}
