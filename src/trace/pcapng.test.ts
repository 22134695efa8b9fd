import assert from 'node:assert/strict';
import { test } from 'node:test';
import { captureEnd, capturePacket, captureStart, LINK_TYPE } from './pcapng.ts';

/** The blocks of a capture: type, body, and options by their code. */
function blocksOf(file: Uint8Array, bodyBytes: (type: number, view: DataView) => number) {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const blocks = [];
  for (let at = 0; at < file.byteLength; ) {
    const [type, sizeBytes] = [view.getUint32(at, true), view.getUint32(at + 4, true)];
    assert.equal(sizeBytes % 4, 0);
    assert.equal(view.getUint32(at + sizeBytes - 4, true), sizeBytes, 'the length stands at both ends');
    const body = new DataView(file.buffer, file.byteOffset + at + 8, sizeBytes - 12);
    const options = new Map<number, Uint8Array>();
    for (let o = bodyBytes(type, body); o < body.byteLength; ) {
      const [code, length] = [body.getUint16(o, true), body.getUint16(o + 2, true)];
      if (code === 0) break;
      options.set(code, new Uint8Array(body.buffer, body.byteOffset + o + 4, length));
      o += 4 + Math.ceil(length / 4) * 4;
    }
    blocks.push({ type, body, options });
    at += sizeBytes;
  }
  return blocks;
}

const words = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes);

test('a capture names dda, the VM, its link type and its clock', () => {
  const [section, face] = blocksOf(captureStart({ vm: 'web', version: '1.2.3' }), (type) => (type === 1 ? 8 : 16));
  assert.deepEqual([section?.type, section?.body.getUint32(0, true)], [0x0a0d0d0a, 0x1a2b3c4d]);
  assert.equal(section?.body.getBigInt64(8, true), -1n);
  assert.deepEqual(
    [words(section?.options.get(4)), words(section?.options.get(1))],
    ['dda 1.2.3', 'trace of the VM web'],
  );
  assert.deepEqual([face?.type, face?.body.getUint16(0, true)], [1, LINK_TYPE]);
  assert.deepEqual([words(face?.options.get(2)), face?.options.get(9)], ['web', Uint8Array.of(9)]);
});

test('a packet has its time in nanoseconds, its lengths, and what was lost before it', () => {
  const timeNs = 1_767_323_045_123_456_789n;
  const record = Uint8Array.of(1, 2, 3, 4, 5);
  const [whole] = blocksOf(capturePacket(record, timeNs, 9, 0), () => 28);
  assert.equal(whole?.type, 6);
  const { body } = whole ?? assert.fail();
  assert.equal((BigInt(body.getUint32(4, true)) << 32n) | BigInt(body.getUint32(8, true)), timeNs);
  assert.deepEqual([body.getUint32(12, true), body.getUint32(16, true), body.byteLength], [5, 9, 28]);
  const [after] = blocksOf(capturePacket(record, timeNs, 5, 7), () => 28);
  const dropped = after?.options.get(4) ?? assert.fail();
  assert.deepEqual([...dropped], [7, 0, 0, 0, 0, 0, 0, 0]);
});

test('a record that claims to have been longer than a capture can tell is no shorter than what is left of it', () => {
  const record = new Uint8Array(40);
  const [packet] = blocksOf(capturePacket(record, 0n, 40 + 0xffff_fff0, 0), () => 20 + 40);
  assert.deepEqual([packet?.body.getUint32(12, true), packet?.body.getUint32(16, true)], [40, 0xffff_ffff]);
});

test('its end has the totals', () => {
  const [end] = blocksOf(captureEnd(1n, 10, 3), () => 12);
  assert.deepEqual([end?.type, end?.options.get(4)?.[0], end?.options.get(5)?.[0]], [5, 10, 3]);
});
