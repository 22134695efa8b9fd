/**
 * Unrelated plug and play, in a process of its own: `node probe.ts rescan` or `node probe.ts other BDF`. Each line of input asks
 * for one round, each line of output says how many milliseconds it took.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

const POLL_MS = 2;
const [, , what, bdf = ''] = process.argv;
const round = what === 'other' ? removeAndAdd : rescan;

function rescan(): void {
  writeFileSync('/sys/bus/pci/rescan', '1');
}

/** Until its driver has it again. */
function removeAndAdd(): void {
  const device = `/sys/bus/pci/devices/${bdf}`;
  writeFileSync(`${device}/remove`, '1');
  rescan();
  const nobody = new Int32Array(new SharedArrayBuffer(4));
  while (!existsSync(`${device}/driver`)) Atomics.wait(nobody, 0, 0, POLL_MS);
}

for await (const _ of createInterface({ input: process.stdin })) {
  const since = performance.now();
  round();
  process.stdout.write(`${performance.now() - since}\n`);
}
