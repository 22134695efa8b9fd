import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { InterruptRequest } from '../interrupt-tokens.ts';
import { hex } from '../testing/bytes.ts';
import { decodeDescriptor, type DescriptorForm, encodeDescriptor } from './msi-descriptors.ts';

const REQUEST: InterruptRequest = { vector: 0x30, vectorCount: 4, deliveryMode: 'lowest-priority', vps: [0, 5, 31] };

const WIRE: Readonly<Record<DescriptorForm, Uint8Array>> = {
  1: hex('30 01 0400 00000000 2100008000000000'),
  2: hex('30 01 0400 0300 0000 0500 1f00', 70),
  3: hex('30000000 01 00 0400 0300 0000 0500 1f00', 74),
};
const FORMS: readonly DescriptorForm[] = [1, 2, 3];

for (const form of FORMS) {
  test(`form ${form}: out of the wire and into it`, () => {
    assert.deepEqual(decodeDescriptor(WIRE[form], form), REQUEST);
    assert.deepEqual(encodeDescriptor(REQUEST, form), WIRE[form]);
    const fixed = { ...REQUEST, deliveryMode: 'fixed' } as const;
    assert.deepEqual(decodeDescriptor(encodeDescriptor(fixed, form), form), fixed);
  });

  test(`form ${form}: the vectors that an x86 can take, and no others`, () => {
    const vectors = (vector: number, vectorCount: number) =>
      decodeDescriptor(encodeDescriptor({ ...REQUEST, vector, vectorCount }, form), form);
    for (const [vector, count] of [
      [16, 1],
      [16, 32],
      [255, 1],
      [224, 32],
    ] as const) {
      assert.deepEqual(vectors(vector, count), { ...REQUEST, vector, vectorCount: count });
    }
    assert.equal(vectors(15, 1), 'vectors 15 … 15 (16…255)');
    assert.equal(vectors(0, 2), 'vectors 0 … 1 (16…255)');
    assert.equal(vectors(225, 32), 'vectors 225 … 256 (16…255)');
    assert.equal(vectors(255, 2), 'vectors 255 … 256 (16…255)');
    assert.equal(vectors(16, 33), '33 vectors at once (at most 32)');
  });

  test(`form ${form}: who wants no vector may name any`, () => {
    const none = { ...REQUEST, vector: 0, vectorCount: 0 };
    assert.deepEqual(decodeDescriptor(encodeDescriptor(none, form), form), none);
  });

  test(`form ${form}: a delivery mode that isn't known is refused`, () => {
    const bytes = WIRE[form].slice();
    bytes[form === 3 ? 4 : 1] = 2;
    assert.equal(decodeDescriptor(bytes, form), 'delivery mode 2');
  });
}

test('a vector of 32 bits is looked at whole', () => {
  const bytes = WIRE[3].slice();
  bytes[2] = 1;
  assert.equal(decodeDescriptor(bytes, 3), 'vectors 65584 … 65587 (16…255)');
});

test('a list has room for 32 VPs, of 16 bits each', () => {
  const vps = Array.from({ length: 32 }, (_, index) => 0x0100 + index);
  assert.deepEqual(decodeDescriptor(encodeDescriptor({ ...REQUEST, vps }, 2), 2), { ...REQUEST, vps });
  assert.deepEqual(decodeDescriptor(encodeDescriptor({ ...REQUEST, vps: [...vps, 1] }, 2), 2), { ...REQUEST, vps });
  const bytes = encodeDescriptor({ ...REQUEST, vps }, 3);
  bytes[8] = 33;
  assert.equal(decodeDescriptor(bytes, 3), 'more than 32 VPs listed');
});

test('a mask has room for VPs 0 to 63; others are left out', () => {
  const request = { ...REQUEST, vps: [0, 63] };
  assert.deepEqual(decodeDescriptor(encodeDescriptor({ ...request, vps: [0, 63, 64, 200] }, 1), 1), request);
});
