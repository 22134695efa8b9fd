import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { ChannelFault } from '../packet-channel.ts';
import { ringOfPages } from '../testing/ring-pages.ts';
import { IncomingRing } from './incoming-ring.ts';
import { OutgoingRing } from './outgoing-ring.ts';

/** What two honest sides do; `write` with that much payload, `read` one packet, `drain` all with signals off meanwhile. */
type Step = { readonly do: 'write'; readonly bytes: number } | { readonly do: 'read' } | { readonly do: 'drain' };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('write' as const), bytes: fc.integer({ min: 0, max: 1500 }) }) },
  { weight: 3, arbitrary: fc.constant({ do: 'read' as const }) },
  { weight: 1, arbitrary: fc.constant({ do: 'drain' as const }) },
);

test('a ring is a queue of packets, and no side ever sleeps on work', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 3 }),
      fc.nat(500),
      fc.array(step, { maxLength: 200, size: 'max' }),
      (pages, start, steps) => {
        const { memory, header } = ringOfPages(pages);
        header[0] = header[1] = start * 8;
        const [outgoing, incoming] = [new OutgoingRing(memory), new IncomingRing(memory)];
        const model: { id: bigint; length: number }[] = [];
        let used = 0;
        let nextId = 1n;
        let readerAwake = false;
        let writerWaitsFor: number | undefined;
        const space = (length: number): number => 24 + Math.ceil(length / 8) * 8;

        const readOne = (): boolean => {
          const result = incoming.read();
          const expected = model.shift();
          assert.equal(result === undefined, expected === undefined);
          if (result === undefined || expected === undefined) return false;
          assert.equal(result.packet.transactionId, expected.id);
          assert.deepEqual(
            result.packet.payload,
            new Uint8Array(Math.ceil(expected.length / 8) * 8).fill(Number(expected.id % 251n), 0, expected.length),
          );
          const freeBefore = memory.sizeBytes - used;
          used -= space(expected.length);
          const needed = writerWaitsFor === undefined ? Number.POSITIVE_INFINITY : space(writerWaitsFor);
          const roomOpened = freeBefore <= needed && memory.sizeBytes - used > needed;
          assert.equal(result.signalWriter, roomOpened, 'the writer is woken when its room opens, and only then');
          if (writerWaitsFor !== undefined && roomOpened) {
            assert.equal(outgoing.awaitRoom(writerWaitsFor), true);
            writerWaitsFor = undefined;
          }
          return true;
        };

        for (const { do: what, ...rest } of steps) {
          if (what === 'write') {
            const length = 'bytes' in rest ? rest.bytes : 0;
            const payload = new Uint8Array(length).fill(Number(nextId % 251n));
            const result = outgoing.write({
              kind: 'in-band',
              transactionId: nextId,
              completionRequested: false,
              payload,
            });
            assert.equal(result === 'full', memory.sizeBytes - used <= space(length));
            if (result === 'full') {
              if (writerWaitsFor === undefined && outgoing.fits(length)) {
                assert.equal(outgoing.awaitRoom(length), false);
                writerWaitsFor = length;
              }
              continue;
            }
            if (used === 0 && !readerAwake) assert.equal(result, 'signal', 'a sleeping reader is woken');
            used += space(length);
            model.push({ id: nextId, length });
            nextId += 1n;
          } else if (what === 'read') {
            readOne();
          } else {
            incoming.setSignalsWanted(false);
            readerAwake = true;
            while (readOne());
            incoming.setSignalsWanted(true);
            readerAwake = false;
            assert.equal(incoming.isEmpty(), true);
            assert.equal(writerWaitsFor, undefined, 'an empty ring leaves no writer waiting');
          }
          assert.equal(incoming.isEmpty(), model.length === 0);
        }
      },
    ),
    { numRuns: 200 },
  );
});

test('whatever a writer puts into the pages, the reader copies bounded packets or ends the channel', () => {
  const word = fc.oneof(
    fc.integer({ min: 0, max: 600 }).map((unit) => unit * 8),
    fc.integer(),
  );
  const write = fc.record({
    word: fc.nat(3),
    value: word,
    at: fc.nat(511),
    type: fc.constantFrom(6, 0xb, 7),
    offset: fc.nat(4),
    length: fc.nat(520),
  });
  fc.assert(
    fc.property(fc.array(write, { maxLength: 40, size: 'max' }), (writes) => {
      const { memory, header, data } = ringOfPages(1);
      const incoming = new IncomingRing(memory);
      const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
      try {
        for (const { word: index, value, at, type, offset, length } of writes) {
          header[index] = value;
          view.setUint32(at * 8, type | (offset << 16), true);
          if (at < 511) view.setUint32(at * 8 + 4, length, true);
          const packet = incoming.read()?.packet;
          if (packet !== undefined) assert.ok(packet.payload.byteLength < memory.sizeBytes);
          const { readIndex } = incoming;
          assert.ok(readIndex % 8 === 0 && readIndex < memory.sizeBytes);
        }
      } catch (error) {
        assert.ok(error instanceof ChannelFault, String(error));
      }
    }),
    { numRuns: 500 },
  );
});

test('whatever a reader puts into the pages, the writer stays inside the ring or ends the channel', () => {
  const value = fc.oneof(
    fc.integer({ min: 0, max: 511 }).map((unit) => unit * 8),
    fc.integer(),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(3), value, fc.nat(4100)), { maxLength: 40, size: 'max' }), (writes) => {
      const { memory, header } = ringOfPages(1);
      const outgoing = new OutgoingRing(memory);
      try {
        for (const [index, word, length] of writes) {
          header[index] = word;
          outgoing.awaitRoom(length);
          outgoing.write({
            kind: 'completion',
            transactionId: 1n,
            completionRequested: false,
            payload: new Uint8Array(length),
          });
          assert.ok(outgoing.writeIndex % 8 === 0 && outgoing.writeIndex < memory.sizeBytes);
        }
      } catch (error) {
        assert.ok(error instanceof ChannelFault, String(error));
      }
    }),
    { numRuns: 500 },
  );
});
