import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_QUEUED_MESSAGES, Synic } from './synic.ts';
import { PlainGuestMemory } from './testing/plain-guest-memory.ts';

const SIMP = 0x3000;
const SIEFP = 0x4000;
const SINT = 2;
const SLOT = SIMP + SINT * 256;
const FLAGS = SIEFP + SINT * 256;
const VECTOR = 0xf3;

interface Setup {
  readonly synic: Synic;
  readonly memory: PlainGuestMemory;
  readonly vectors: number[];
}

function fresh(): Setup {
  const memory = new PlainGuestMemory();
  const vectors: number[] = [];
  return { synic: new Synic(memory, (vector) => vectors.push(vector)), memory, vectors };
}

function enabled(): Setup {
  const setup = fresh();
  setup.synic.writeSimp(BigInt(SIMP | 1));
  setup.synic.writeSiefp(BigInt(SIEFP | 1));
  setup.synic.writeSint(SINT, BigInt(VECTOR));
  setup.synic.writeScontrol(1n);
  return setup;
}

const slotHeader = ({ memory }: Setup): string => Buffer.from(memory.peek(SLOT, 16)).toString('hex');
const free = ({ memory }: Setup): void => memory.poke(SLOT, new Uint8Array(4));

test('a message in its slot, byte for byte, and its interrupt', () => {
  const setup = enabled();
  assert.equal(setup.synic.postMessage(SINT, 0x80000010, Uint8Array.of(0xaa, 0xbb, 0xcc)), 'queued');
  assert.equal(slotHeader(setup), '10000080' + '03000000' + '0000000000000000');
  assert.deepEqual(setup.memory.peek(SLOT + 16, 3), Uint8Array.of(0xaa, 0xbb, 0xcc));
  assert.deepEqual(setup.vectors, [VECTOR]);
  assert.equal(setup.synic.pendingMessages, 0);
});

test('240 bytes fit; what the host must not send is refused loudly', () => {
  const setup = enabled();
  setup.synic.postMessage(SINT, 1, new Uint8Array(240).fill(7));
  assert.equal(slotHeader(setup), '01000000' + 'f0000000' + '0000000000000000');
  assert.equal(setup.memory.peek(SLOT + 255, 2).join(), '7,0', "the next SINT's slot is untouched");
  assert.throws(() => setup.synic.postMessage(SINT, 1, new Uint8Array(241)), RangeError);
  assert.throws(() => setup.synic.postMessage(SINT, 0, new Uint8Array(1)), RangeError);
});

test('the second message waits, sets the pending flag, and comes with EOM', () => {
  const setup = enabled();
  for (const number of [1, 2, 3]) setup.synic.postMessage(SINT, 1, Uint8Array.of(number));
  assert.equal(slotHeader(setup), '01000000' + '01010000' + '0000000000000000', 'one byte, pending');
  assert.deepEqual(setup.vectors, [VECTOR], 'one interrupt for one message');
  assert.equal(setup.synic.pendingMessages, 2);

  setup.synic.endOfMessage();
  assert.equal(setup.memory.peek(SLOT + 16, 1)[0], 1, 'EOM with a full slot delivers nothing');

  free(setup);
  setup.synic.endOfMessage();
  assert.equal(slotHeader(setup), '01000000' + '01010000' + '0000000000000000', 'more behind it: pending at once');
  assert.equal(setup.memory.peek(SLOT + 16, 1)[0], 2);

  free(setup);
  setup.synic.endOfMessage();
  assert.equal(slotHeader(setup), '01000000' + '01000000' + '0000000000000000', 'the last: no EOM asked for');
  assert.deepEqual(setup.vectors, [VECTOR, VECTOR, VECTOR]);
});

test('after a message without the pending flag the guest owes no EOM', () => {
  const setup = enabled();
  setup.synic.postMessage(SINT, 1, Uint8Array.of(1));
  free(setup);
  setup.synic.postMessage(SINT, 1, Uint8Array.of(2));
  assert.equal(setup.memory.peek(SLOT + 16, 1)[0], 2);
});

const pieces: readonly [string, (setup: Setup) => void][] = [
  ['SIMP', ({ synic }) => synic.writeSimp(BigInt(SIMP | 1))],
  ['SIEFP', ({ synic }) => synic.writeSiefp(BigInt(SIEFP | 1))],
  ['SINT', ({ synic }) => synic.writeSint(SINT, BigInt(VECTOR))],
  ['SCONTROL', ({ synic }) => synic.writeScontrol(1n)],
];

for (const [last, enableLast] of pieces) {
  test(`what was sent before ${last} is written arrives when it is`, () => {
    const setup = fresh();
    for (const [name, enable] of pieces) {
      if (name !== last) enable(setup);
    }
    setup.synic.postMessage(SINT, 1, Uint8Array.of(9));
    setup.synic.signalEvent(SINT, 5);
    setup.synic.signalEvent(SINT, 40);
    enableLast(setup);
    assert.equal(setup.memory.peek(SLOT + 16, 1)[0], 9);
    assert.deepEqual(setup.memory.peek(FLAGS, 8), Uint8Array.of(0x20, 0, 0, 0, 0, 1, 0, 0));
    // Where only the message page was missing the two flags went out at once, with an interrupt each.
    assert.deepEqual(setup.vectors, new Array<number>(last === 'SIMP' ? 3 : 2).fill(VECTOR));
    assert.equal(setup.synic.pendingMessages, 0);
  });
}

test('a masked SINT takes nothing, and loses nothing', () => {
  const setup = enabled();
  setup.synic.writeSint(SINT, BigInt(0x10000 | VECTOR));
  assert.equal(setup.synic.signalEvent(SINT, 1), 'held');
  setup.synic.postMessage(SINT, 1, Uint8Array.of(1));
  assert.deepEqual(setup.vectors, []);
  setup.synic.writeSint(SINT, BigInt(VECTOR));
  assert.deepEqual(setup.vectors, [VECTOR, VECTOR]);
});

test('event flags: the first, the last, and none beyond', () => {
  const setup = enabled();
  assert.equal(setup.synic.signalEvent(SINT, 0), 'signalled');
  assert.equal(setup.synic.signalEvent(SINT, 2047), 'signalled');
  assert.equal(setup.memory.peek(FLAGS, 1)[0], 1);
  assert.equal(setup.memory.peek(FLAGS + 255, 1)[0], 0x80);
  assert.deepEqual(setup.vectors, [VECTOR, VECTOR]);
  for (const flag of [-1, 2048, 0.5]) assert.equal(setup.synic.signalEvent(SINT, flag), 'refused');
  assert.equal(setup.synic.signalEvent(16, 0), 'refused');
  assert.equal(setup.synic.postMessage(16, 1, new Uint8Array()), 'refused');
});

test('a flag that is set already interrupts again, and its neighbours stay', () => {
  const setup = enabled();
  setup.memory.poke(FLAGS, Uint8Array.of(0x80));
  setup.synic.signalEvent(SINT, 7);
  setup.synic.signalEvent(SINT, 6);
  assert.equal(setup.memory.peek(FLAGS, 1)[0], 0xc0);
  assert.deepEqual(setup.vectors, [VECTOR, VECTOR]);
});

test('a polling SINT gets its messages without interrupts', () => {
  const setup = enabled();
  setup.synic.writeSint(SINT, BigInt(0x40000 | VECTOR));
  setup.synic.postMessage(SINT, 1, Uint8Array.of(1));
  setup.synic.signalEvent(SINT, 1);
  assert.equal(setup.memory.peek(SLOT, 1)[0], 1);
  assert.deepEqual(setup.vectors, []);
});

test('vectors 0 to 15 are for masked SINTs only', () => {
  const { synic } = fresh();
  assert.equal(synic.writeSint(SINT, 0xfn), false);
  assert.equal(synic.sint(SINT), 0x10000n);
  assert.equal(synic.writeSint(SINT, 0x1000fn), true);
  assert.equal(synic.writeSint(SINT, 0x10n), true);
  assert.equal(synic.writeSint(16, 0x10n), false);
  assert.equal(synic.sint(16), undefined);
});

test('a page that is not RAM is refused, and the one before stays', () => {
  const setup = enabled();
  for (const gpa of [0x100_0001n, 0xffff_ffff_ffff_f001n, (1n << 52n) | 1n]) {
    assert.equal(setup.synic.writeSimp(gpa), false);
    assert.equal(setup.synic.writeSiefp(gpa), false);
  }
  assert.equal(setup.synic.simp, BigInt(SIMP | 1));
  setup.synic.postMessage(SINT, 1, Uint8Array.of(3));
  assert.equal(setup.memory.peek(SLOT + 16, 1)[0], 3);
  assert.equal(setup.synic.writeSimp(0x100_0000n), true, 'disabled, any number may stand there');
});

test('a page begins empty when it is enabled or moved, not when the register is written again', () => {
  const setup = fresh();
  setup.memory.poke(SLOT, Uint8Array.of(1));
  setup.memory.poke(FLAGS, Uint8Array.of(0xff));
  setup.synic.writeSimp(BigInt(SIMP | 1));
  setup.synic.writeSiefp(BigInt(SIEFP | 1));
  assert.equal(setup.memory.peek(SLOT, 1)[0], 0);
  assert.equal(setup.memory.peek(FLAGS, 1)[0], 0);
  setup.memory.poke(SLOT, Uint8Array.of(1));
  setup.synic.writeSimp(BigInt(SIMP | 0xff1));
  assert.equal(setup.memory.peek(SLOT, 1)[0], 1);
  assert.equal(setup.synic.simp, BigInt(SIMP | 0xff1), 'reserved bits are kept');
});

test('the queue is bounded', () => {
  const { synic } = fresh();
  for (let count = 0; count < MAX_QUEUED_MESSAGES; count++)
    assert.equal(synic.postMessage(SINT, 1, Uint8Array.of(1)), 'queued');
  assert.equal(synic.postMessage(SINT, 1, Uint8Array.of(1)), 'refused');
  assert.equal(synic.postMessage(3, 1, Uint8Array.of(1)), 'queued', 'another SINT has its own');
  assert.equal(synic.pendingMessages, MAX_QUEUED_MESSAGES + 1);
  synic.discardPending();
  assert.equal(synic.pendingMessages, 0);
});

test('what is queued is a copy', () => {
  const setup = fresh();
  const payload = Uint8Array.of(1);
  setup.synic.postMessage(SINT, 1, payload);
  payload[0] = 2;
  for (const [, enable] of pieces) enable(setup);
  assert.equal(setup.memory.peek(SLOT + 16, 1)[0], 1);
});

test('reset forgets everything', () => {
  const setup = enabled();
  setup.synic.writeScontrol(0n);
  setup.synic.postMessage(SINT, 1, Uint8Array.of(1));
  setup.synic.signalEvent(SINT, 1);
  setup.synic.reset();
  assert.deepEqual(
    [setup.synic.scontrol, setup.synic.simp, setup.synic.siefp, setup.synic.sint(SINT)],
    [0n, 0n, 0n, 0x10000n],
  );
  for (const [, enable] of pieces) enable(setup);
  assert.deepEqual(setup.vectors, []);
  assert.ok(setup.memory.peek(SIMP, 8192).every((byte) => byte === 0));
});
