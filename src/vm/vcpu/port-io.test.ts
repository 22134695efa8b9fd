import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HYPERCALL_PORT } from '../../hyperv/index.ts';
import { allocateRtcState, allocateUartState, CmosRtc, COM1, powerRead, Uart16550 } from '../devices/index.ts';
import { ExitPage } from '../testing/exit-page.ts';
import { PortIo } from './port-io.ts';

function bench() {
  const exit = new ExitPage();
  const uart = new Uart16550(allocateUartState(), {
    setIrqLevel: () => undefined,
    outputReady: () => undefined,
    inputWanted: () => undefined,
  });
  const rtc = new CmosRtc(allocateRtcState(), () => new Date('2026-11-22T21:43:56Z'));
  const sent = (): string => {
    const target = new Uint8Array(64);
    return new TextDecoder().decode(target.subarray(0, uart.drainOutput(target)));
  };
  return { exit, uart, ports: new PortIo(exit.page, uart, rtc), sent };
}

test('the serial port and the clock are served here', () => {
  const { exit, ports, sent } = bench();
  exit.out(COM1.port, 1, 0x41);
  assert.equal(ports.finish(), true);
  assert.equal(sent(), 'A');
  exit.in(COM1.port + 5, 1);
  assert.equal(ports.finish(), true);
  assert.deepEqual(exit.answer(1), [0x60]);
  exit.out(0x70, 1, 0x00);
  ports.finish();
  exit.in(0x71, 1);
  ports.finish();
  assert.deepEqual(exit.answer(1), [0x56], 'seconds, in BCD');
});

test('a string instruction is as many accesses as it has elements', () => {
  const { exit, ports, sent, uart } = bench();
  exit.out(COM1.port, 1, ...new TextEncoder().encode('hello'));
  assert.equal(ports.finish(), true);
  assert.equal(sent(), 'hello');
  uart.write(4, 0x02);
  uart.write(2, 0x01);
  uart.sendInput(new TextEncoder().encode('abc'));
  exit.in(COM1.port, 1, 4);
  ports.finish();
  assert.deepEqual(exit.answer(4), [0x61, 0x62, 0x63, 0]);
});

test('a wide access is one to each byte-wide register', () => {
  const { exit, ports, uart } = bench();
  exit.out(COM1.port + 7, 1, 0x5a);
  ports.finish();
  exit.in(COM1.port + 4, 4);
  ports.finish();
  assert.deepEqual(exit.answer(4), [uart.read(4), 0x60, 0xb0, 0x5a]);
  exit.in(COM1.port + 6, 4);
  ports.finish();
  assert.deepEqual(exit.answer(4), [0xb0, 0x5a, 0xff, 0xff], 'the port ends there');
  exit.out(COM1.port + 6, 2, 0x77_00);
  ports.finish();
  assert.equal(uart.read(7), 0x77);
  exit.out(COM1.port - 1, 2, 0x42_00);
  ports.finish();
  exit.in(0x71, 4);
  ports.finish();
  assert.deepEqual(exit.answer(4).slice(1), [0xff, 0xff, 0xff]);
});

test('ports where nothing is read all ones and swallow writes', () => {
  const { exit, ports } = bench();
  for (const sizeBytes of [1, 2, 4] as const) {
    exit.in(0xcf8, sizeBytes, 3);
    assert.equal(ports.finish(), true);
    assert.deepEqual(exit.answer(3 * sizeBytes), Array(3 * sizeBytes).fill(0xff));
    exit.out(0x80, sizeBytes, 0x1234_5678);
    assert.equal(ports.finish(), true);
  }
  exit.in(0xffff, 4);
  assert.equal(ports.finish(), true);
  assert.deepEqual(exit.answer(4), [0xff, 0xff, 0xff, 0xff]);
});

test("writes that concern the whole machine are the device thread's; reads there are not", () => {
  const { exit, ports } = bench();
  for (const port of [HYPERCALL_PORT, 0x600, 0x601, 0x602, 0x64, 0xcf9]) {
    exit.out(port, 1, 1);
    assert.equal(ports.finish(), false, `0x${port.toString(16)}`);
    exit.in(port, 1);
    assert.equal(ports.finish(), true);
    assert.deepEqual(exit.answer(1), [powerRead(port) ?? 0xff]);
  }
});
