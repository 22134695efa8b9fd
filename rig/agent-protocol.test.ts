import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Frame, FrameDecoder, FrameKind, encodeFrame } from './agent-protocol.ts';

test('a frame is size, kind and command in little-endian, then the payload', () => {
  assert.deepEqual(
    [...encodeFrame(FrameKind.output, 0x0102, Buffer.from('hi'))],
    [2, 0, 0, 0, FrameKind.output, 0x02, 0x01, 0, 0, 0x68, 0x69],
  );
});

test('frames come out as they went in, however the stream is cut', () => {
  const frame = fc.record({
    kind: fc.constantFrom(...Object.values(FrameKind)),
    command: fc.nat(),
    payload: fc.uint8Array({ maxLength: 50 }),
  });
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 8 }), fc.array(fc.nat(40)), (frames, cuts) => {
      const stream = Buffer.concat(frames.map(({ kind, command, payload }) => encodeFrame(kind, command, payload)));
      const decoder = new FrameDecoder();
      const decoded: Frame[] = [];
      let at = 0;
      for (const cut of [...cuts, stream.length]) {
        decoded.push(...decoder.push(stream.subarray(at, at + cut)));
        at = Math.min(at + cut, stream.length);
      }
      assert.deepEqual(
        decoded.map(({ kind, command, payload }) => [kind, command, [...payload]]),
        frames.map(({ kind, command, payload }) => [kind, command, [...payload]]),
      );
    }),
  );
});

test('a frame keeps its bytes when the chunk it came in is overwritten', () => {
  const decoder = new FrameDecoder();
  const chunk = Buffer.from(encodeFrame(FrameKind.input, 1, Buffer.from('first')));
  const [frame] = decoder.push(chunk);
  decoder.push(chunk.subarray(0, 11));
  chunk.fill(0xff);
  const [next] = decoder.push(Buffer.from('rst'));
  assert.equal(Buffer.from(frame?.payload ?? []).toString(), 'first');
  assert.equal(Buffer.from(next?.payload ?? []).toString(), 'first');
});

test('a size that no frame has means that the stream is out of step', () => {
  const decoder = new FrameDecoder();
  assert.throws(() => decoder.push(Buffer.from([0xff, 0xff, 0xff, 0xff, 17, 0, 0, 0, 0])), /out of step/);
});
