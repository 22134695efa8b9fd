import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeIrqEventFds, IrqIndex } from './irqs.ts';

test('vectors and the eventfds they signal, byte by byte', () => {
  const bytes = encodeIrqEventFds(IrqIndex.msix, 3, [17, undefined, 255]);
  assert.deepEqual([...new Int32Array(bytes.buffer)], [32, 0x24, 2, 3, 3, 17, -1, 255]);
});
