import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { extendedCapabilities, standardCapabilities } from '../pci/index.ts';
import { e1000e, edu, megasas, nvmeWithSriov, virtioRng, xhci } from '../pci/testing/index.ts';
import type { ConfigState } from './config-state.ts';
import type { ConfigEffect } from './config-effects.ts';
import { compileConfigLayout } from './config-layout.ts';
import { ConfigView } from './config-view.ts';
import type { BarShape } from './function.ts';

const functions = [nvmeWithSriov, e1000e, xhci, virtioRng, megasas, edu];

const shapes: BarShape[] = [
  { index: 0, kind: 'memory64', prefetchable: false, sizeBytes: 0x4000 },
  { index: 2, kind: 'memory32', prefetchable: false, sizeBytes: 0x1000 },
  { index: 3, kind: 'memory32', prefetchable: false, sizeBytes: 0x4000 },
  { index: 4, kind: 'memory64', prefetchable: true, sizeBytes: 2 ** 33 },
];

/** A real function's bytes with some of them changed: lists that loop, cross, or point nowhere. */
const brokenConfigs = fc
  .tuple(
    fc.constantFrom(...functions),
    fc.array(fc.tuple(fc.integer({ min: 4, max: 0x1ff }), fc.integer({ min: 0, max: 255 })), { maxLength: 12 }),
  )
  .map(([captured, changes]) => {
    const config = Uint8Array.from(captured.config);
    for (const [offset, value] of changes) if (offset < config.length) config[offset] = value;
    config[6] = (config[6] ?? 0) | 0x10;
    return config;
  });

/** Mostly where something is. */
const writes = fc.record({
  offset: fc.oneof(fc.integer({ min: 0, max: 0xff }), fc.integer({ min: 0, max: 0xfff })),
  sizeBytes: fc.constantFrom(1, 2, 4),
  value: fc.oneof(
    fc.integer({ min: 0, max: 0xffff_ffff }),
    fc.constantFrom(0, 2, 6, 0xffff_ffff, 0xc000, 0x8000, 0xfe00_0000),
  ),
});
const sessions = fc.array(writes, { maxLength: 40 });

function imageOf(view: ConfigView): Uint8Array {
  return Uint8Array.from({ length: 4096 }, (_, i) => view.read(i, 1));
}

test('reads of every size are what the image holds', () => {
  fc.assert(
    fc.property(brokenConfigs, sessions, (config, session) => {
      const image = new Uint8Array(4096);
      const view = new ConfigView(config, shapes, image);
      const words = new DataView(image.buffer);
      for (const { offset, sizeBytes, value } of session) view.write(offset, sizeBytes, value);
      for (let offset = 0; offset < 4096; offset += 4) {
        assert.equal(view.read(offset, 4), words.getUint32(offset, true));
        assert.equal(view.read(offset + 2, 2), words.getUint16(offset + 2, true));
        assert.equal(view.read(offset + 3, 1), image[offset + 3]);
      }
    }),
    { numRuns: 50 },
  );
});

test('both capability lists of a view end, whatever the function says and the guest writes', () => {
  fc.assert(
    fc.property(brokenConfigs, sessions, (config, session) => {
      const view = new ConfigView(config, shapes, new Uint8Array(4096));
      for (const { offset, sizeBytes, value } of session) view.write(offset, sizeBytes, value);
      const image = imageOf(view);
      assert.equal(standardCapabilities(image).problem, undefined);
      assert.equal(extendedCapabilities(image).problem, undefined);
    }),
    { numRuns: 300 },
  );
});

test('no write changes a bit that the layout does not name as writable', () => {
  fc.assert(
    fc.property(brokenConfigs, sessions, (config, session) => {
      const view = new ConfigView(config, shapes, new Uint8Array(4096));
      const { initial, writable } = compileConfigLayout(config, shapes);
      for (const { offset, sizeBytes, value } of session) view.write(offset, sizeBytes, value);
      const image = imageOf(view);
      for (let i = 0; i < 4096; i += 1) {
        assert.equal((image[i] ?? 0) & ~(writable[i] ?? 0), (initial[i] ?? 0) & ~(writable[i] ?? 0), `byte ${i}`);
      }
    }),
    { numRuns: 100 },
  );
});

/** What is left to do when all effects so far have been carried out. */
function carryOut(state: ConfigState, effects: readonly ConfigEffect[]): ConfigState {
  let next = state;
  for (const effect of effects) {
    switch (effect.kind) {
      case 'bar-moved':
        next = { ...next, barGpas: new Map([...next.barGpas, [effect.barIndex, effect.gpa]]) };
        break;
      case 'bus-master':
        next = { ...next, busMaster: effect.enabled };
        break;
      case 'power-state':
        next = { ...next, powerState: effect.state };
        break;
      case 'device-control':
        next = { ...next, deviceControl: effect.bits };
        break;
      case 'interrupts':
        next = { ...next, msi: effect.msi, msix: effect.msix };
        break;
      case 'function-level-reset':
        break;
    }
    // A function that sleeps, or is about to be reset, must not be reachable.
    if (effect.kind === 'function-level-reset' || next.powerState === 3) {
      assert([...next.barGpas.values()].every((gpa) => gpa === undefined));
    }
  }
  return next;
}

test('whoever carries out the effects of each write is where the view is', () => {
  fc.assert(
    fc.property(fc.constantFrom(...functions), sessions, (captured, session) => {
      const view = new ConfigView(captured.config, shapes, new Uint8Array(4096));
      let state = view.state;
      for (const { offset, sizeBytes, value } of session) {
        state = carryOut(state, view.write(offset, sizeBytes, value));
        assert.deepEqual(state, view.state);
      }
      assert.deepEqual(carryOut(state, view.reset()), view.state);
    }),
    { numRuns: 300 },
  );
});

test('a BAR is reached only while memory decoding is on, at a multiple of its size, within 52 bits', () => {
  fc.assert(
    fc.property(fc.constantFrom(...functions), sessions, (captured, session) => {
      const view = new ConfigView(captured.config, shapes, new Uint8Array(4096));
      for (const { offset, sizeBytes, value } of session) {
        view.write(offset, sizeBytes, value);
        for (const [index, gpa] of view.state.barGpas) {
          if (gpa === undefined) continue;
          const size = shapes.find((shape) => shape.index === index)?.sizeBytes ?? Number.NaN;
          assert.equal(view.read(4, 2) & 2, 2);
          assert(gpa > 0 && gpa % size === 0 && gpa + size <= 2 ** 52);
        }
      }
    }),
    { numRuns: 200 },
  );
});
