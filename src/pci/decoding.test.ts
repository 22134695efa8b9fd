import assert from 'node:assert/strict';
import { test } from 'node:test';
import { className } from './class-names.ts';
import { ExpressPortType, decodeExpressCapability, hasFunctionLevelReset } from './express-capability.ts';
import { decodeHeader } from './header.ts';
import { decodeMsiCapability, decodeMsixCapability } from './msi-capability.ts';
import { e1000e, edu, nvme, xhci } from './testing/captured-functions.ts';

test("the header of QEMU's NVMe controller", () => {
  assert.deepEqual(decodeHeader(nvme.config), {
    vendorId: 0x1b36,
    deviceId: 0x0010,
    revisionId: 0x02,
    programmingInterface: 0x02,
    subClass: 0x08,
    baseClass: 0x01,
    layout: 0,
    multiFunction: false,
    subsystemVendorId: 0x1af4,
    subsystemId: 0x1100,
    interruptPin: 1,
  });
});

test('a function that is gone has no header', () => {
  assert.equal(decodeHeader(new Uint8Array(4096).fill(0xff)), undefined);
  assert.equal(decodeHeader(nvme.config.subarray(0, 63)), undefined);
});

test('MSI with 64-bit addresses', () => {
  assert.deepEqual(decodeMsiCapability(e1000e.config), {
    offset: 0xd0,
    vectorCount: 1,
    address64: true,
    addressLowOffset: 0xd4,
    addressHighOffset: 0xd8,
    dataOffset: 0xdc,
    maskOffset: undefined,
    pendingOffset: undefined,
    sizeBytes: 14,
  });
});

test('MSI with 32-bit addresses, per-vector masks and 8 vectors', () => {
  const config = Uint8Array.from(edu.config);
  config[0x42] = 0x06;
  config[0x43] = 0x01;
  assert.deepEqual(decodeMsiCapability(config), {
    offset: 0x40,
    vectorCount: 8,
    address64: false,
    addressLowOffset: 0x44,
    addressHighOffset: undefined,
    dataOffset: 0x48,
    maskOffset: 0x4c,
    pendingOffset: 0x50,
    sizeBytes: 20,
  });
});

test('an MSI count that the specification reserves is not MSI', () => {
  const config = Uint8Array.from(edu.config);
  config[0x42] = 0x0c;
  assert.equal(decodeMsiCapability(config), undefined);
});

test('MSI-X with table and pending bits in one page', () => {
  assert.deepEqual(decodeMsixCapability(xhci.config), {
    offset: 0x90,
    vectorCount: 16,
    table: { barIndex: 0, offsetBytes: 0x3000, sizeBytes: 256 },
    pendingBits: { barIndex: 0, offsetBytes: 0x3800, sizeBytes: 8 },
  });
  assert.equal(decodeMsixCapability(edu.config), undefined);
});

test('an MSI-X table in a BAR that cannot exist is not MSI-X', () => {
  const config = Uint8Array.from(xhci.config);
  config[0x94] = 0x06;
  assert.equal(decodeMsixCapability(config), undefined);
});

test('the PCI Express capability and its reset', () => {
  const express = decodeExpressCapability(nvme.config);
  assert.equal(express?.portType, ExpressPortType.endpoint);
  assert.equal(express.functionLevelReset, true);
  assert.deepEqual(express.link, { speedGtPerSecond: 2.5, width: 1, maxSpeedGtPerSecond: 2.5, maxWidth: 1 });
  assert.equal(hasFunctionLevelReset(nvme.config), true);
  assert.equal(hasFunctionLevelReset(xhci.config), false);
  assert.equal(decodeExpressCapability(edu.config), undefined);
});

test('conventional PCI has a reset where Advanced Features says so', () => {
  const config = Uint8Array.from(edu.config);
  config[0x41] = 0x60;
  config.set([0x13, 0x00, 0x06, 0x03, 0x00, 0x00], 0x60);
  assert.equal(hasFunctionLevelReset(config), true);
  config[0x63] = 0x01;
  assert.equal(hasFunctionLevelReset(config), false);
});

test('class codes in words, the closest that is known', () => {
  assert.equal(className(0x01, 0x08, 0x02), 'NVMe controller');
  assert.equal(className(0x01, 0x08, 0x03), 'non-volatile memory controller');
  assert.equal(className(0x02, 0x42, 0x00), 'network controller');
  assert.equal(className(0x77, 0x01, 0x00), 'device of class 7701');
});
