import assert from 'node:assert/strict';
import test from 'node:test';
import { fakeHost, nvmeHost } from '../testing/index.ts';
import { highWindowsFor, windowSizesFor } from './start-session.ts';

test("the guest's window has room for all 64-bit BARs of the host's devices twice, then once, then as it comes", () => {
  const host = fakeHost(nvmeHost());
  // One NVMe controller with a BAR of 16 KiB.
  assert.deepEqual(highWindowsFor(host.tree), [32768, 16384, undefined]);
  assert.deepEqual(windowSizesFor(host.tree), [32768, 16384]);
});
