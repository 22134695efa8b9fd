import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { InterruptTokens, MAX_MESSAGES_PER_FUNCTION } from './interrupt-tokens.ts';

const one = { vector: 0x21, vectorCount: 1, deliveryMode: 'fixed', vps: [1] } as const;

test('the address names the bus, the data the message, neither the vector', () => {
  const tokens = new InterruptTokens(0x9bcd);
  const first = tokens.create(0, one);
  const second = tokens.create(0, one);
  assert.deepEqual(first?.token, { address: 0xfee9_bcd0n, data: 1, count: 1 });
  assert.deepEqual(second?.token, { address: 0xfee9_bcd0n, data: 2, count: 1 });
  assert.deepEqual(first?.changes, [
    { message: { address: 0xfee9_bcd0n, data: 1 }, target: { vector: 0x21, vps: [1] } },
  ]);
  assert.deepEqual(tokens.target({ address: 0xfee9_bcd0n, data: 2 }), { vector: 0x21, vps: [1] });
  assert.equal(tokens.target({ address: 0xfee0_0000n, data: 2 }), undefined);
});

test('a block is aligned, and message i begins at vector + i', () => {
  const tokens = new InterruptTokens(1);
  tokens.create(0, one);
  const block = tokens.create(0, { ...one, vectorCount: 5 });
  assert.equal(block?.token.data, 8);
  assert.deepEqual(
    block?.changes.map(({ message, target }) => [message.data, target?.vector]),
    [8, 9, 10, 11, 12].map((data, i) => [data, 0x21 + i]),
  );
  // 13, 14 and 15 are what the function could still fill in: nobody else gets them, and they mean nothing.
  assert.equal(tokens.target({ address: 0xfee0_0010n, data: 13 }), undefined);
  assert.equal(tokens.create(0, one)?.token.data, 16);
});

test('deleting takes the whole block, by its first data only, and only for its own slot', () => {
  const tokens = new InterruptTokens(1);
  const { address, data } = tokens.create(3, { ...one, vectorCount: 4 })?.token ?? assert.fail();
  assert.equal(tokens.delete(3, address, data + 1), undefined);
  assert.equal(tokens.delete(4, address, data), undefined);
  assert.equal(tokens.delete(3, address + 4n, data), undefined);
  assert.equal(tokens.delete(3, address, data)?.length, 4);
  assert.equal(tokens.delete(3, address, data), undefined);
});

test('retargeting tells of real changes only', () => {
  const tokens = new InterruptTokens(1);
  const { data } = tokens.create(0, { ...one, vectorCount: 2 })?.token ?? assert.fail();
  assert.equal(tokens.retarget(data, { vector: 0x21, vps: [1] }), undefined);
  assert.deepEqual(tokens.retarget(data + 1, { vector: 0x33, vps: [0] }), {
    message: { address: 0xfee0_0010n, data: data + 1 },
    target: { vector: 0x33, vps: [0] },
  });
  assert.equal(tokens.retarget(data + 2, { vector: 0x33, vps: [0] }), undefined);
});

test('a function has its limit, and the next function its own', () => {
  const tokens = new InterruptTokens(1);
  for (let i = 0; i < MAX_MESSAGES_PER_FUNCTION; i++) assert.ok(tokens.create(0, one));
  assert.equal(tokens.create(0, one), undefined);
  assert.ok(tokens.create(1, { ...one, vectorCount: 32 }));
  tokens.deleteAll(0);
  assert.ok(tokens.create(0, { ...one, vectorCount: 32 }));
});

test('data goes round its 16 bits without meeting what is in use', () => {
  const tokens = new InterruptTokens(1);
  const kept = tokens.create(0, { ...one, vectorCount: 32 })?.token ?? assert.fail();
  const seen = new Set<number>();
  for (let i = 0; i < 0x1_0400; i++) {
    const { address, data } = tokens.create(0, one)?.token ?? assert.fail();
    assert.ok(data > 0 && data <= 0xffff);
    assert.ok(data < kept.data || data >= kept.data + 32);
    seen.add(data);
    tokens.delete(0, address, data);
  }
  assert.equal(seen.size, 0xffff - 32);
});

test('any order of creating and deleting keeps blocks aligned and apart', () => {
  const step = fc.oneof(
    fc.record({ create: fc.integer({ min: 1, max: 32 }), slot: fc.nat(2) }),
    fc.record({ deleteNth: fc.nat(40) }),
    fc.record({ clear: fc.nat(2) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const tokens = new InterruptTokens(0xffff);
      for (const each of steps) {
        if ('create' in each) tokens.create(each.slot, { ...one, vectorCount: each.create });
        else if ('clear' in each) tokens.deleteAll(each.clear);
        else {
          const block = tokens.blocks()[each.deleteNth];
          if (block !== undefined) assert.ok(tokens.delete(block.slot, 0xfeef_fff0n, block.data));
        }
        let end = 1;
        for (const { data, count } of tokens.blocks()) {
          const span = 2 ** Math.ceil(Math.log2(count));
          assert.equal(data % span, 0);
          assert.ok(data >= end && data + span <= 0x1_0000);
          end = data + span;
        }
      }
    }),
  );
});
