import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ChannelFault } from '../vmbus/index.ts';
import { SpyFunction } from './testing/spy-function.ts';
import { FakeMachine } from './testing/fake-machine.ts';
import { INSTANCE_ID } from './testing/fixture.ts';
import { VpciProvider } from './provider.ts';
import { GUEST_MESSAGES, MESSAGE_TYPE_BASE } from './wire/guest-messages.ts';
import { VpciVersion } from './wire/version.ts';

/** Requests per packet and bytes a host may send for one packet: relations and a completion. */
const MOST_ANSWERS = 2;

class Harness {
  readonly functions = [new SpyFunction(), new SpyFunction()];
  readonly machine = new FakeMachine();
  readonly provider: VpciProvider;
  sent: Uint8Array[] = [];
  completions: bigint[] = [];

  constructor() {
    const [first, second] = this.functions;
    assert.ok(first && second);
    this.provider = new VpciProvider({
      instanceId: INSTANCE_ID,
      functions: [{ function: first }, { function: second, slot: 0x20 }],
      port: this.machine,
    });
    this.open();
  }

  open(): void {
    this.provider.opened({
      sendInBand: (payload) => void this.sent.push(payload),
      complete: (transactionId, payload) => {
        this.completions.push(transactionId);
        this.sent.push(payload);
      },
    });
  }

  /** Gives the provider a packet; returns whether the channel lives on. */
  packet(payload: Uint8Array, completionRequested: boolean): boolean {
    this.sent = [];
    this.completions = [];
    const before = payload.slice();
    try {
      this.provider.packet({ kind: 'in-band', transactionId: 7n, completionRequested, payload });
    } catch (error) {
      if (!(error instanceof ChannelFault)) throw error;
      assert.deepEqual(this.sent, [], 'a channel that ends says nothing');
      this.provider.closed('fault');
      return false;
    }
    assert.deepEqual(payload, before, 'a packet is read, not written');
    assert.deepEqual(this.completions, completionRequested ? [7n] : [], 'one completion for each that was asked for');
    assert.ok(this.sent.length <= MOST_ANSWERS);
    assert.ok(this.sent.reduce((sum, { byteLength }) => sum + byteLength, 0) <= this.provider.maxReplyBytes);
    return true;
  }

  check(): void {
    const { windowGpa, functions, connection } = this.provider.snapshot();
    assert.equal(this.machine.window?.gpa, windowGpa);
    const messages = functions.reduce((sum, each) => sum + each.messages, 0);
    // The map is by (address, data): as many entries as messages means that all are different.
    assert.equal(this.machine.targets.size, messages);
    if (windowGpa === undefined) assert.equal(messages, 0);
    if (connection !== 'negotiated') assert.equal(windowGpa, undefined);
  }
}

/** Bytes that often look like a message, with small numbers where counts and slots stand. */
const payload = fc.oneof(
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 400 }) },
  {
    weight: 6,
    arbitrary: fc
      .record({
        messageType: fc.oneof(
          {
            weight: 8,
            arbitrary: fc.constantFrom(...Object.values(GUEST_MESSAGES).map((message) => message.messageType)),
          },
          { weight: 1, arbitrary: fc.nat(0x40).map((n) => MESSAGE_TYPE_BASE + n) },
        ),
        words: fc.array(
          fc.oneof(fc.constantFrom(0, 0x20, 1, 2, 0x21, 0x1_0021, 0x1_0004, 0xe000_0000), fc.nat(0xffff_ffff)),
          { maxLength: 60 },
        ),
      })
      .map(({ messageType, words }) => new Uint8Array(Uint32Array.of(messageType, ...words).buffer)),
  },
);

const step = fc.oneof(
  { weight: 12, arbitrary: fc.record({ payload, completionRequested: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constantFrom('eject', 'close', 'surprise', 'retarget') }) },
);

test('whatever a guest sends: one bounded answer or a ChannelFault, and tokens always different', () => {
  fc.assert(
    fc.property(
      fc.array(step, { minLength: 1, maxLength: 60 }),
      fc.constantFrom(...Object.values(VpciVersion)),
      (steps, version) => {
        const harness = new Harness();
        const start = (): void => {
          const negotiate = Uint32Array.of(GUEST_MESSAGES.QUERY_PROTOCOL_VERSION.messageType, version);
          assert.ok(harness.packet(new Uint8Array(negotiate.buffer), true));
          const enter = Uint32Array.of(GUEST_MESSAGES.BUS_D0ENTRY.messageType, 0, 0xe000_0000, 0);
          assert.ok(harness.packet(new Uint8Array(enter.buffer), true));
        };
        start();
        for (const each of steps) {
          let lives = true;
          if ('payload' in each) lives = harness.packet(each.payload, each.completionRequested);
          else if (each.act === 'eject') harness.provider.eject(0x20);
          else if (each.act === 'surprise') harness.provider.surpriseRemoved();
          else if (each.act === 'retarget') {
            harness.provider.retarget({
              deviceId: 0x9bcd_1230,
              addressLow: 0xfee9_bcd0,
              data: 1,
              vector: 0x80,
              vps: [0],
            });
          } else {
            harness.provider.closed('closed');
            lives = false;
          }
          harness.check();
          if (!lives) {
            harness.open();
            start();
          }
        }
        harness.provider.closed('end');
        harness.check();
        assert.equal(harness.machine.targets.size, 0);
      },
    ),
    { numRuns: 300 },
  );
});

test('a first packet of any bytes settles a version, is refused one, or ends the channel', () => {
  fc.assert(
    fc.property(payload, fc.boolean(), (bytes, completionRequested) => {
      const harness = new Harness();
      const lives = harness.packet(bytes, completionRequested);
      assert.equal(harness.provider.snapshot().connection === 'closed', !lives);
      harness.check();
    }),
  );
});
