import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { allocateUartState, Uart16550 } from './devices/index.ts';
import { SerialConsole } from './serial-console.ts';

const timeout = 20_000;
const DATA = 0;
const LINE_STATUS = 5;
const MODEM_CONTROL = 4;
const FIFO_CONTROL = 2;

/** A console, and the guest's port as a vCPU's thread serves it; its rings reach the console at once. */
function bench(onOutput: (guest: Uart16550) => void = () => undefined) {
  const state = allocateUartState();
  const received: number[] = [];
  let calls = 0;
  const guest = new Uart16550(state, {
    setIrqLevel: () => undefined,
    outputReady: () => serial.serve(),
    inputWanted: () => serial.serve(),
  });
  const serial = new SerialConsole(state, {
    setIrqLevel: () => undefined,
    output: (bytes) => {
      calls += 1;
      received.push(...bytes);
      onOutput(guest);
    },
  });
  return { serial, guest, received, calls: () => calls };
}

const text = (bytes: readonly number[]): string => new TextDecoder().decode(Uint8Array.from(bytes));

function send(guest: Uart16550, words: string): void {
  for (const byte of new TextEncoder().encode(words)) guest.write(DATA, byte);
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await turn();
}

test('what the guest sends comes out gathered', { timeout }, async () => {
  const { guest, received, calls } = bench();
  send(guest, 'Linux version 6.1');
  assert.equal(calls(), 0);
  await until(() => received.length === 17);
  assert.deepEqual([text(received), calls()], ['Linux version 6.1', 1]);
  send(guest, '\n');
  await until(() => received.length === 18);
});

test('what was sent last comes out when the machine ends', () => {
  const { serial, guest, received } = bench();
  send(guest, 'Power down');
  serial.close();
  assert.equal(text(received), 'Power down');
  serial.close();
  assert.equal(text(received), 'Power down');
});

test('a guest that sends as fast as it is read does not keep the device thread from its other events', {
  timeout,
}, async () => {
  let flooding = true;
  const { guest, received, calls } = bench((port) => {
    if (flooding) port.write(DATA, 0x41);
  });
  guest.write(DATA, 0x41);
  let most = 0;
  for (let before = calls(); before < 200; ) {
    await turn();
    most = Math.max(most, calls() - before);
    before = calls();
  }
  flooding = false;
  assert.ok(most > 1 && most <= 40, `${most} in a row`);
  const sent = received.length;
  await until(() => received.length > sent);
  assert.equal(guest.read(LINE_STATUS) & 0x60, 0x60);
});

test('typed bytes wait for the guest to take them, in order and whole', { timeout }, async () => {
  const { serial, guest } = bench();
  guest.write(FIFO_CONTROL, 0x01);
  guest.write(MODEM_CONTROL, 0x02);
  const typed = Array.from({ length: 20_000 }, (_, i) => i % 251);
  for (let at = 0; at < typed.length; at += 3000) serial.type(Uint8Array.from(typed.slice(at, at + 3000)));
  const taken: number[] = [];
  while ((guest.read(LINE_STATUS) & 0x01) !== 0) taken.push(guest.read(DATA));
  assert.deepEqual(taken, typed);
});

test('what is typed after the machine has ended goes nowhere', () => {
  const state = allocateUartState();
  const levels: number[] = [];
  const serial = new SerialConsole(state, { setIrqLevel: (level) => levels.push(level), output: () => undefined });
  const guest = new Uart16550(state, {
    setIrqLevel: () => undefined,
    outputReady: () => undefined,
    inputWanted: () => undefined,
  });
  // The guest listens: ready to receive, interrupts wired, and enabled for received data.
  guest.write(MODEM_CONTROL, 0x0b);
  guest.write(1, 0x01);
  serial.close();
  serial.type(new TextEncoder().encode('late'));
  assert.deepEqual(levels, [], 'the interrupt line of a closed VM is left alone');
  assert.equal(guest.read(LINE_STATUS) & 1, 0, 'nothing was received');
});
