import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { signalConnectionId } from '../addresses.ts';
import type { Guid } from '../../hyperv/index.ts';
import * as requests from '../messages/from-guest.ts';
import type { Offer } from '../offer.ts';
import { gpadlMessages } from '../client/gpadl-messages.ts';
import { decodeHostMessage } from '../client/host-message.ts';
import { OfferModel } from '../testing/offer-model.ts';
import { ProtocolVersion } from '../version.ts';
import { echoDevice, instanceId, INTERFACE_ID, type RecordingDevice, VmbusTestbench } from '../testing/index.ts';

const RING_GPNS = [0x400, 0x401, 0x402, 0x403];

/** Which offer is meant: the n-th there is, or if there are fewer, a relid that nobody has. Small, so that steps meet. */
const pick = fc.nat(2);
const handle = fc.integer({ min: 1, max: 2 });
const instance = fc.integer({ min: 1, max: 3 });
const version = fc.constantFrom<number>(...Object.values(ProtocolVersion), 0x0001_0001);

/** Weighted so that channels get opened often, and connections live for a while. */
const step = fc.oneof(
  { weight: 12, arbitrary: fc.record({ do: fc.constant('offer' as const), instance }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('rescind' as const), instance }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('contact' as const), version }) },
  { weight: 12, arbitrary: fc.record({ do: fc.constant('requestOffers' as const) }) },
  { weight: 24, arbitrary: fc.record({ do: fc.constant('createGpadl' as const), pick, handle }) },
  { weight: 12, arbitrary: fc.record({ do: fc.constant('tearDown' as const), pick, handle }) },
  { weight: 30, arbitrary: fc.record({ do: fc.constant('open' as const), pick, handle }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('close' as const), pick }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('release' as const), pick }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('modify' as const), pick }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('unload' as const, 'reset' as const) }) },
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

/** A server whose guest is played by the test. */
class Exchange {
  readonly bench = new VmbusTestbench();
  readonly devices = new Map<Offer, RecordingDevice>();
  /** Offers that the guest holds, from what it was told and what it gave back. */
  readonly held = new Map<number, Guid>();

  constructor() {
    this.bench.guestListens = false;
  }

  offer(number: number): Offer {
    const device = echoDevice();
    const offer = this.bench.server.offer({ interfaceId: INTERFACE_ID, instanceId: instanceId(number), device });
    this.devices.set(offer, device);
    return offer;
  }

  live(number: number): Offer | undefined {
    return [...this.devices.keys()].find(
      ({ instanceId: id, state }) => id === instanceId(number) && state !== 'rescinded' && state !== 'released',
    );
  }

  relid(index: number): number {
    return this.bench.server.snapshot().offers[index]?.relid ?? 2000;
  }

  post(message: Uint8Array): void {
    assert.equal(this.bench.server.handlePost(1, 1, message), 0);
  }

  /** What the host has said since the last time; keeps {@link held}. */
  answers(): string[] {
    return this.bench.waiting.splice(0).flatMap((action) => {
      if (action.kind === 'flag') return [];
      const message = decodeHostMessage(action.payload);
      if (message.name === 'OFFERCHANNEL') {
        assert.ok(!this.held.has(message.relid), 'a relid is offered while it is held');
        assert.ok(![...this.held.values()].includes(message.instanceId), 'an instance is offered while it is held');
        this.held.set(message.relid, message.instanceId);
      } else if (message.name === 'RESCIND_CHANNELOFFER') {
        assert.ok(this.held.has(message.relid), 'what is not held is rescinded');
      }
      return [message.name];
    });
  }

  /** What holds whatever the guest has done. */
  check(): void {
    const { connection, gpadls, offers } = this.bench.server.snapshot();
    assert.equal(new Set(offers.map((offer) => offer.relid)).size, offers.length);
    if (connection === undefined) assert.deepEqual(gpadls, { count: 0, pages: 0 });
    for (const [offer, { events }] of this.devices) {
      const opens = events.filter((event) => event === 'opened').length;
      const closes = events.filter((event) => event.startsWith('closed')).length;
      assert.equal(opens - closes, offer.state === 'open' ? 1 : 0);
      assert.equal(events.filter((event) => event === 'released').length, offer.state === 'released' ? 1 : 0);
      if (offer.state === 'released') assert.equal(events.at(-1), 'released');
      assert.equal(
        offer.state === 'released',
        !offers.some((snapshot) => snapshot.relid === offer.relid && snapshot.instanceId === offer.instanceId),
      );
    }
  }
}

function run(exchange: Exchange, model: OfferModel, action: Step): void {
  const relid = 'pick' in action ? exchange.relid(action.pick) : 0;
  switch (action.do) {
    case 'offer':
      if (model.canOffer(action.instance)) model.offer(exchange.offer(action.instance).relid, action.instance);
      else assert.throws(() => exchange.offer(action.instance), { code: 'VMBUS_ALREADY_OFFERED' });
      break;
    case 'rescind': {
      const offer = exchange.live(action.instance);
      offer?.rescind();
      if (offer !== undefined) model.rescind(offer.relid);
      break;
    }
    case 'contact':
      model.connect(action.version);
      exchange.held.clear();
      exchange.post(
        requests.INITIATE_CONTACT.encode({
          version: action.version,
          targetVp: 0,
          sint: action.version >= ProtocolVersion.V5_0 ? 2 : 0,
        }),
      );
      break;
    case 'requestOffers':
      model.requestOffers();
      exchange.post(requests.REQUESTOFFERS.encode({}));
      break;
    case 'createGpadl':
      model.createGpadl(relid, action.handle);
      for (const message of gpadlMessages(relid, action.handle, [
        { byteCount: 4 * 4096, byteOffset: 0, gpns: RING_GPNS },
      ]))
        exchange.post(message);
      break;
    case 'tearDown':
      model.tearDown(relid, action.handle);
      exchange.post(requests.GPADL_TEARDOWN.encode({ relid, gpadl: action.handle }));
      break;
    case 'open':
      model.open(relid, action.handle);
      exchange.post(
        requests.OPENCHANNEL.encode({ relid, openId: 1, ringGpadl: action.handle, downstreamPageOffset: 2 }),
      );
      break;
    case 'close':
      model.close(relid);
      exchange.post(requests.CLOSECHANNEL.encode({ relid }));
      break;
    case 'release': {
      const gone = model.holds(relid);
      model.release(relid);
      if (gone && !model.holds(relid)) exchange.held.delete(relid);
      exchange.post(requests.RELID_RELEASED.encode({ relid }));
      break;
    }
    case 'modify':
      exchange.post(requests.MODIFYCHANNEL.encode({ relid, targetVp: 1 }));
      break;
    case 'unload':
      if (model.connected !== undefined) model.disconnect();
      exchange.held.clear();
      exchange.post(requests.UNLOAD.encode({}));
      break;
    case 'reset':
      model.disconnect();
      exchange.held.clear();
      exchange.bench.server.reset();
      break;
  }
}

test('any order of messages leaves every offer as the rules say', () => {
  const reached = new Set<string>();
  fc.assert(
    fc.property(fc.array(step, { minLength: 50, maxLength: 100, size: 'max' }), (steps) => {
      const exchange = new Exchange();
      const model = new OfferModel();
      // Most of what matters happens once a guest is connected.
      for (const action of [{ do: 'contact', version: 0x0005_0003 }, { do: 'requestOffers' }, ...steps] as Step[]) {
        const connected = model.connected !== undefined;
        const offerCount = model.offers.length;
        run(exchange, model, action);
        const answers = exchange.answers();
        assert.ok(answers.length <= 2 + offerCount, 'work is bounded');
        if (!connected && model.connected === undefined)
          assert.ok(answers.every((name) => name === 'VERSION_RESPONSE'));
        const { offers, gpadls } = exchange.bench.server.snapshot();
        assert.deepEqual(
          offers.map(({ relid: number, state }) => `${number} ${state}`),
          model.offers.map(({ relid: number, state }) => `${number} ${state}`),
        );
        assert.equal(gpadls.count, model.gpadls.size);
        for (const { state } of offers) reached.add(state);
        exchange.check();
      }
    }),
    { numRuns: 100 },
  );
  assert.deepEqual([...reached].sort(), ['faulted', 'let-go', 'offered', 'open', 'queued', 'rescinded', 'unannounced']);
});

const OPEN_ONE: readonly Step[] = [
  { do: 'contact', version: 0x0005_0003 },
  { do: 'requestOffers' },
  { do: 'offer', instance: 1 },
  { do: 'createGpadl', pick: 0, handle: 1 },
  { do: 'open', pick: 0, handle: 1 },
];

const scribble = fc.record({
  do: fc.constant('scribble' as const),
  page: fc.constantFrom(0, 2, 0, 2, 1, 3),
  word: fc.oneof({ weight: 4, arbitrary: fc.nat(3) }, fc.nat(1023)),
  value: fc.oneof(
    fc.nat(600).map((unit) => unit * 8),
    fc.integer(),
  ),
});
const signal = fc.record({ do: fc.constant('signal' as const), pick });
const say = fc.record({ do: fc.constant('say' as const), instance, bytes: fc.nat(9000) });
const garbage = fc.record({
  do: fc.constant('garbage' as const),
  type: fc.nat(30),
  rest: fc.uint8Array({ maxLength: 236 }),
});
const chaos = fc.oneof(
  { weight: 5, arbitrary: step },
  scribble,
  { weight: 3, arbitrary: signal },
  { weight: 2, arbitrary: say },
  garbage,
);

test('whatever a guest posts, signals and writes into its rings, the rest holds', () => {
  let faults = 0;
  fc.assert(
    fc.property(fc.array(chaos, { minLength: 50, maxLength: 100, size: 'max' }), (steps) => {
      const exchange = new Exchange();
      const { bench } = exchange;
      for (const action of [...OPEN_ONE, ...steps]) {
        if (action.do === 'scribble') {
          const page = bench.memory.page((RING_GPNS[0] ?? 0) + action.page);
          if (page !== undefined) page.words[action.word] = action.value;
        } else if (action.do === 'signal') {
          bench.server.handleSignal(signalConnectionId(exchange.relid(action.pick)), 0);
        } else if (action.do === 'say') {
          const offer = exchange.live(action.instance);
          const device = offer === undefined ? undefined : exchange.devices.get(offer);
          if (offer?.state === 'open') device?.channel.sendInBand(new Uint8Array(action.bytes));
        } else if (action.do === 'garbage') {
          exchange.post(Uint8Array.of(action.type, 0, 0, 0, ...action.rest));
        } else if (action.do !== 'offer' || exchange.live(action.instance) === undefined) {
          run(exchange, new OfferModel(), action);
        }
        bench.settle();
        bench.waiting.length = 0;
        exchange.check();
      }
      faults += bench.server.snapshot().events['VMBUS_CHANNEL_FAULT'] ?? 0;
    }),
    { numRuns: 100 },
  );
  assert.ok(faults > 0, 'some rings were broken');
});
