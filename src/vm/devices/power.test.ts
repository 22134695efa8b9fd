import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PowerPort, powerRead, powerWrite } from './power.ts';

test('what Linux writes to power off: wake status cleared, then S5 with sleep enable', () => {
  assert.equal(powerWrite(PowerPort.sleepStatus, 1, 0x80), undefined);
  assert.equal(powerWrite(PowerPort.sleepControl, 1, 0x34), 'power-off');
});

test('another sleep type, or no sleep enable, is no power-off', () => {
  assert.equal(powerWrite(PowerPort.sleepControl, 1, 0x14), undefined);
  assert.equal(powerWrite(PowerPort.sleepControl, 1, 0x30), undefined);
});

test('the three ways to reset', () => {
  assert.equal(powerWrite(PowerPort.reset, 1, 1), 'reset');
  assert.equal(powerWrite(PowerPort.keyboardCommand, 1, 0xfe), 'reset');
  assert.equal(powerWrite(PowerPort.resetControl, 1, 0x02), undefined, 'choosing a hard reset is not yet a reset');
  assert.equal(powerWrite(PowerPort.resetControl, 1, 0x06), 'reset');
});

test('a 32-bit write to the PCI configuration address is no reset', () => {
  assert.equal(powerWrite(PowerPort.resetControl, 4, 0xffffffff), undefined);
  assert.equal(powerWrite(0xcf8, 4, 0x80000600), undefined);
});

test('other bytes ask nothing', () => {
  assert.equal(powerWrite(PowerPort.reset, 1, 0), undefined);
  assert.equal(powerWrite(PowerPort.keyboardCommand, 1, 0xd1), undefined);
  assert.equal(powerWrite(0x80, 1, 0xfe), undefined);
});

test('the ACPI registers and the 8042 status read as zero, other ports are not ours', () => {
  assert.equal(powerRead(PowerPort.sleepControl), 0);
  assert.equal(powerRead(PowerPort.sleepStatus), 0);
  assert.equal(powerRead(PowerPort.reset), 0);
  assert.equal(powerRead(PowerPort.keyboardCommand), 0, 'its input buffer is empty');
  assert.equal(powerRead(PowerPort.resetControl), undefined);
});
