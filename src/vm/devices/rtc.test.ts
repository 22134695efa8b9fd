import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allocateRtcState, CmosRtc, RtcPort } from './rtc.ts';

// A Wednesday.
const moment = new Date('2026-11-25T23:59:08.500Z');
const clock = (): CmosRtc => new CmosRtc(allocateRtcState(), () => moment);
const readRegister = (rtc: CmosRtc, index: number): number => {
  rtc.write(RtcPort.index, index);
  return rtc.read(RtcPort.data);
};

test('the time in BCD, UTC, 24 hours', () => {
  const rtc = clock();
  const registers = [0x00, 0x02, 0x04, 0x06, 0x07, 0x08, 0x09, 0x32];
  assert.deepEqual(
    registers.map((index) => readRegister(rtc, index)),
    [0x08, 0x59, 0x23, 0x04, 0x25, 0x11, 0x26, 0x20],
  );
});

test('the status registers: no update in progress, 24 h and BCD, no interrupt, valid', () => {
  const rtc = clock();
  assert.deepEqual(
    [0x0a, 0x0b, 0x0c, 0x0d].map((index) => readRegister(rtc, index)),
    [0x26, 0x02, 0x00, 0x80],
  );
});

test('the NMI bit of the index selects nothing', () => {
  assert.equal(readRegister(clock(), 0x80 | 0x08), 0x11);
});

test('the clock cannot be set', () => {
  const rtc = clock();
  rtc.write(RtcPort.index, 0x04);
  rtc.write(RtcPort.data, 0x01);
  assert.equal(rtc.read(RtcPort.data), 0x23);
});

test('the selected register is shared by all threads of the machine', () => {
  const state = allocateRtcState();
  const oneThread = new CmosRtc(state, () => moment);
  const another = new CmosRtc(state, () => moment);
  oneThread.write(RtcPort.index, 0x09);
  assert.equal(another.read(RtcPort.data), 0x26);
});

test('the index port cannot be read', () => {
  assert.equal(clock().read(RtcPort.index), 0xff);
});
