import { workerData } from 'node:worker_threads';
import { Uart16550 } from '../uart-16550.ts';

/** What a hammering thread gets: `tag` is OR-ed into each byte, so that the reader can tell the threads apart. */
export interface HammerOrder {
  readonly state: SharedArrayBuffer;
  /** Words: the level last set, the number of changes, the number of changes that changed nothing, finished threads. */
  readonly line: SharedArrayBuffer;
  readonly tag: number;
  readonly count: number;
}

const order = workerData as HammerOrder;
const line = new Int32Array(order.line);
const uart = new Uart16550(order.state, {
  setIrqLevel: (level) => {
    // Not atomic on purpose: the device's lock has to be enough.
    if (line[0] === level) line[2] = (line[2] ?? 0) + 1;
    line[0] = level;
    line[1] = (line[1] ?? 0) + 1;
  },
  outputReady: () => undefined,
  inputWanted: () => undefined,
});

for (let sent = 0; sent < order.count; ) {
  if ((uart.read(5) & 0x20) === 0) continue;
  uart.write(0, order.tag | (sent & 0x7f));
  uart.read(2);
  sent++;
}
Atomics.add(line, 3, 1);
