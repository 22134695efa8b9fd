import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allocateUartState, Uart16550 } from './uart-16550.ts';

const DATA = 0;
const IER = 1;
const IIR = 2;
const FCR = 2;
const LCR = 3;
const MCR = 4;
const LSR = 5;
const MSR = 6;
const SCR = 7;
const DTR_RTS_OUT2 = 0x0b;

interface Bench {
  readonly uart: Uart16550;
  readonly events: string[];
  readonly drained: () => string;
}

function bench(): Bench {
  const events: string[] = [];
  const uart = new Uart16550(allocateUartState(), {
    setIrqLevel: (level) => events.push(`irq ${level}`),
    outputReady: () => events.push('output'),
    inputWanted: () => events.push('input'),
  });
  const target = new Uint8Array(100_000);
  return { uart, events, drained: () => Buffer.from(target.subarray(0, uart.drainOutput(target))).toString('latin1') };
}

/** FIFOs on with the receive trigger at 8 bytes, line ready, and the interrupts `enabled`. */
function started(enabled: number): Bench {
  const it = bench();
  it.uart.write(FCR, 0x81);
  it.uart.write(MCR, DTR_RTS_OUT2);
  it.uart.write(IER, enabled);
  it.events.length = 0;
  return it;
}

test('registers that hold what is written', () => {
  const { uart } = bench();
  uart.write(SCR, 0x5a);
  uart.write(LCR, 0x13);
  uart.write(IER, 0xff);
  uart.write(MCR, 0xff);
  assert.deepEqual(
    [SCR, LCR, IER, MCR].map((at) => uart.read(at)),
    [0x5a, 0x13, 0x0f, 0x1f],
  );
});

test('the divisor latch hides data and interrupt enable', () => {
  const { uart, drained } = bench();
  uart.write(IER, 0x05);
  uart.write(LCR, 0x80);
  uart.write(DATA, 0x01);
  uart.write(IER, 0x02);
  assert.deepEqual([uart.read(DATA), uart.read(IER)], [0x01, 0x02]);
  uart.write(LCR, 0x03);
  assert.deepEqual([uart.read(DATA), uart.read(IER)], [0x00, 0x05]);
  assert.equal(drained(), '', 'a divisor is not sent');
});

test('what Linux asks to find a 16550A: loopback gives back the outputs, IIR shows FIFOs', () => {
  const { uart, events } = bench();
  uart.write(IER, 0);
  assert.equal(uart.read(IER) & 0x0f, 0);
  uart.write(IER, 0x0f);
  assert.equal(uart.read(IER) & 0x0f, 0x0f);
  uart.write(IER, 0);
  uart.write(MCR, 0x1a);
  assert.equal(uart.read(MSR) & 0xf0, 0x90);
  uart.write(MCR, 0);
  uart.write(FCR, 0x01);
  assert.equal(uart.read(IIR), 0xc1);
  uart.write(FCR, 0x21);
  assert.equal(uart.read(IIR), 0xc1, 'no 64-byte FIFO');
  uart.write(FCR, 0);
  assert.equal(uart.read(IIR), 0x01);
  assert.deepEqual(events, [], 'no interrupt while OUT2 is off');
});

test('an idle line: transmitter empty, carrier, data set ready, clear to send', () => {
  const { uart } = bench();
  assert.equal(uart.read(LSR), 0x60);
  assert.equal(uart.read(MSR), 0xb0);
});

test('output: the drainer is called once for what it has not yet taken', () => {
  const { uart, events, drained } = bench();
  for (const byte of Buffer.from('Linux')) uart.write(DATA, byte);
  assert.deepEqual(events, ['output']);
  assert.equal(drained(), 'Linux');
  uart.write(DATA, 0x0a);
  assert.deepEqual(events, ['output', 'output']);
  assert.equal(drained(), '\n');
  assert.equal(drained(), '');
});

test('transmitter interrupt: on enabling, told once, again after each byte', () => {
  const { uart, events } = started(0);
  uart.write(IER, 0x02);
  assert.deepEqual(events, ['irq 1']);
  assert.equal(uart.read(IIR), 0xc2);
  assert.deepEqual(events, ['irq 1', 'irq 0']);
  assert.equal(uart.read(IIR), 0xc1);
  uart.write(DATA, 0x41);
  assert.deepEqual(events, ['irq 1', 'irq 0', 'irq 1', 'output']);
  assert.equal(uart.read(IIR), 0xc2);
  uart.write(IER, 0);
  uart.write(IER, 0x02);
  assert.equal(uart.read(IIR), 0xc2, 'enabling again tells again');
});

test('output that nobody drains: the transmitter stays full, more is lost, draining makes it empty again', () => {
  const { uart, events } = started(0x02);
  let sent = 0;
  while ((uart.read(LSR) & 0x20) !== 0) {
    for (let index = 0; index < 16; index++) uart.write(DATA, sent++ & 0xff);
  }
  assert.ok(sent > 16_000 && sent < 1_000_000);
  uart.read(IIR);
  assert.equal(uart.read(IIR), 0xc1, 'nothing pending while it is full');
  for (let index = 0; index < 100; index++) uart.write(DATA, 0xee);
  events.length = 0;
  const target = new Uint8Array(sent + 100);
  const count = uart.drainOutput(target);
  assert.equal(count, 32768);
  assert.deepEqual(
    target.subarray(0, 300),
    Uint8Array.from({ length: 300 }, (_, index) => index & 0xff),
  );
  assert.deepEqual(events, ['irq 1']);
  assert.equal(uart.read(IIR), 0xc2);
  assert.equal(uart.read(LSR), 0x60);
});

test('input waits until the guest is ready to receive', () => {
  const { uart, events } = bench();
  assert.equal(uart.sendInput(Buffer.from('ls\n')), 3);
  assert.equal(uart.read(LSR), 0x60);
  uart.write(FCR, 0x07);
  uart.write(IER, 0x01);
  uart.write(MCR, DTR_RTS_OUT2);
  assert.deepEqual(events, ['irq 1']);
  assert.equal(uart.read(LSR), 0x61);
  assert.equal(Buffer.from([0, 0, 0].map(() => uart.read(DATA))).toString(), 'ls\n');
  assert.equal(uart.read(LSR), 0x60);
  assert.deepEqual(events, ['irq 1', 'irq 0']);
});

test('received interrupt: time-out below the trigger, data from it on', () => {
  const { uart } = started(0x01);
  uart.sendInput(Buffer.alloc(7));
  assert.equal(uart.read(IIR), 0xcc);
  uart.sendInput(Buffer.alloc(1));
  assert.equal(uart.read(IIR), 0xc4);
  uart.read(DATA);
  assert.equal(uart.read(IIR), 0xcc);
});

test('without FIFOs one byte is held, and each raises the interrupt', () => {
  const { uart } = started(0x01);
  uart.write(FCR, 0);
  uart.sendInput(Buffer.from('ab'));
  assert.equal(uart.read(IIR), 0x04);
  assert.equal(uart.read(DATA), 0x61);
  assert.equal(uart.read(IIR), 0x04);
  assert.equal(uart.read(DATA), 0x62);
  assert.equal(uart.read(IIR), 0x01);
});

test('more input than fits is refused, asked for again, and arrives whole', () => {
  const { uart, events } = started(0x01);
  const typed = Uint8Array.from({ length: 10_000 }, (_, index) => (index * 7) & 0xff);
  let sent = uart.sendInput(typed);
  assert.equal(sent, 4096 + 16);
  const got: number[] = [];
  while (got.length < typed.length) {
    assert.notEqual(uart.read(LSR) & 1, 0);
    got.push(uart.read(DATA));
    if (events.at(-1) === 'input') {
      events.pop();
      sent += uart.sendInput(typed.subarray(sent));
    }
  }
  assert.deepEqual(Uint8Array.from(got), typed);
  assert.equal(sent, typed.length);
});

test('clearing the receiver drops its FIFO', () => {
  const { uart } = started(0x01);
  uart.sendInput(Buffer.from('abc'));
  uart.write(FCR, 0x83);
  assert.equal(uart.read(LSR), 0x60);
});

test('loopback: sent bytes come back, modem changes are noted, too many overrun', () => {
  const { uart, drained } = started(0x00);
  uart.write(MCR, 0x10);
  assert.equal(uart.read(MSR), 0x0b, 'clear to send, data set ready and carrier have fallen');
  assert.equal(uart.read(MSR), 0x00);
  uart.write(DATA, 0x55);
  assert.equal(uart.read(LSR), 0x61);
  assert.equal(uart.read(DATA), 0x55);
  for (let index = 0; index < 17; index++) uart.write(DATA, index);
  assert.equal(uart.read(LSR), 0x63);
  assert.equal(uart.read(LSR), 0x61, 'reading the status clears the overrun');
  assert.equal(uart.read(DATA), 0);
  assert.equal(drained(), '');
});

test('priorities: line status, received, transmitter, modem', () => {
  const { uart } = started(0x00);
  uart.write(MCR, 0x13);
  for (let index = 0; index < 17; index++) uart.write(DATA, index);
  uart.write(IER, 0x0f);
  assert.equal(uart.read(IIR), 0xc6);
  uart.read(LSR);
  assert.equal(uart.read(IIR), 0xc4);
  for (let index = 0; index < 16; index++) uart.read(DATA);
  assert.equal(uart.read(IIR), 0xc2);
  assert.equal(uart.read(IIR), 0xc0);
  uart.read(MSR);
  assert.equal(uart.read(IIR), 0xc1);
});

test('the interrupt line is gated by OUT2', () => {
  const { uart, events } = started(0x00);
  uart.write(MCR, 0x03);
  uart.write(IER, 0x02);
  assert.deepEqual(events, []);
  uart.write(MCR, DTR_RTS_OUT2);
  assert.deepEqual(events, ['irq 1']);
});
