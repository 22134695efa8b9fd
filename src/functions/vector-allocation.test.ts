import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { VectorAllocation } from './vector-allocation.ts';

const fixed = { msi: { count: 32, resizable: false }, msix: { count: 20, resizable: false } };
const none = undefined;

test('the first vector enables eight, others of them are set singly', () => {
  const vectors = new VectorAllocation(fixed);
  assert.deepEqual(vectors.connect('msix', 1, 41, 0), [
    { kind: 'set', interrupt: 'msix', start: 0, eventFds: [none, 41, none, none, none, none, none, none] },
  ]);
  assert.deepEqual(vectors.connect('msix', 7, 47, 0), [{ kind: 'set', interrupt: 'msix', start: 7, eventFds: [47] }]);
  assert.deepEqual(vectors.connect('msix', 1, none, 0), [
    { kind: 'set', interrupt: 'msix', start: 1, eventFds: [none] },
  ]);
});

test('where the number can not grow, all are disabled, more enabled, and each guest eventfd signalled once', () => {
  const vectors = new VectorAllocation(fixed);
  vectors.connect('msix', 0, 40, 0);
  const [first, second, third, ...rest] = vectors.connect('msix', 8, 48, 0);
  assert.deepEqual(first, { kind: 'disable', interrupt: 'msix' });
  assert(second?.kind === 'set');
  assert.deepEqual([second.start, second.eventFds.length], [0, 16]);
  assert.deepEqual([second.eventFds[0], second.eventFds[8]], [40, 48]);
  assert.deepEqual(third, { kind: 'signal', eventFds: [40, 48] });
  assert.deepEqual(rest, []);
});

test('it never asks for more than the function has', () => {
  const vectors = new VectorAllocation(fixed);
  const [action] = vectors.connect('msix', 19, 59, 0);
  assert(action?.kind === 'set');
  assert.equal(action.eventFds.length, 20);
  assert.throws(() => vectors.connect('msix', 20, 60, 0), RangeError);
});

test('where the number can grow, nothing is disabled', () => {
  const vectors = new VectorAllocation({ ...fixed, msix: { count: 20, resizable: true } });
  vectors.connect('msix', 0, 40, 0);
  assert.deepEqual(vectors.connect('msix', 12, 52, 0), [{ kind: 'set', interrupt: 'msix', start: 12, eventFds: [52] }]);
});

test('MSI takes the block the guest has enabled', () => {
  const vectors = new VectorAllocation(fixed);
  const [action] = vectors.connect('msi', 0, 40, 4);
  assert.deepEqual(action, { kind: 'set', interrupt: 'msi', start: 0, eventFds: [40, none, none, none] });
});

test('disconnecting what is not enabled asks nothing; disabling forgets', () => {
  const vectors = new VectorAllocation(fixed);
  assert.deepEqual(vectors.connect('msix', 3, none, 0), []);
  assert.deepEqual(vectors.disable(), []);
  vectors.connect('msix', 0, 40, 0);
  assert.deepEqual(vectors.disable(), [{ kind: 'disable', interrupt: 'msix' }]);
  assert.deepEqual(vectors.disable(), []);
  const [action] = vectors.connect('msix', 1, 41, 0);
  assert(action?.kind === 'set');
  assert.equal(action.eventFds[0], none);
});

test('after any history the kernel has exactly the eventfds that are connected', () => {
  const steps = fc.array(
    fc.oneof(
      fc.record({
        vector: fc.integer({ min: 0, max: 19 }),
        eventFd: fc.option(fc.integer({ min: 3, max: 99 }), { nil: undefined }),
      }),
      fc.constant('disable' as const),
    ),
    { maxLength: 40 },
  );
  fc.assert(
    fc.property(steps, fc.boolean(), (session, resizable) => {
      const vectors = new VectorAllocation({ ...fixed, msix: { count: 20, resizable } });
      const expected = new Map<number, number>();
      const kernel = new Map<number, number>();
      let enabled = 0;
      for (const step of session) {
        const actions = step === 'disable' ? vectors.disable() : vectors.connect('msix', step.vector, step.eventFd, 0);
        if (step === 'disable') expected.clear();
        else if (step.eventFd === undefined) expected.delete(step.vector);
        else expected.set(step.vector, step.eventFd);
        for (const action of actions) {
          if (action.kind === 'signal') continue;
          if (action.kind === 'disable') {
            kernel.clear();
            enabled = 0;
            continue;
          }
          const end = action.start + action.eventFds.length;
          // NORESIZE: what isn't the first call must stay within the first call's vectors.
          if (enabled !== 0 && !resizable) assert(end <= enabled);
          enabled = Math.max(enabled, end);
          action.eventFds.forEach((fd, i) => {
            if (fd === undefined) kernel.delete(action.start + i);
            else kernel.set(action.start + i, fd);
          });
        }
        assert.deepEqual(kernel, expected);
      }
    }),
  );
});

test('a kind can be enabled before any vector is, and the first vectors are then set singly', () => {
  const vectors = new VectorAllocation(fixed);
  assert.deepEqual(vectors.enable('msix'), [
    { kind: 'set', interrupt: 'msix', start: 0, eventFds: [none, none, none, none, none, none, none, none] },
  ]);
  assert.deepEqual(vectors.enable('msix'), []);
  assert.deepEqual(vectors.connect('msix', 2, 42, 0), [{ kind: 'set', interrupt: 'msix', start: 2, eventFds: [42] }]);
  assert.deepEqual(vectors.disable(), [{ kind: 'disable', interrupt: 'msix' }]);
  const without = new VectorAllocation({ ...fixed, msix: { count: 0, resizable: false } });
  assert.deepEqual(without.enable('msix'), []);
});
