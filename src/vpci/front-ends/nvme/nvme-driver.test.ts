import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NvmeDriver } from './nvme-driver.ts';

const NVME = {
  vendorId: 0x1b36,
  deviceId: 0x0010,
  revisionId: 2,
  programmingInterface: 2,
  subClass: 8,
  baseClass: 1,
  subsystemVendorId: 0,
  subsystemId: 0,
};

test('it drives what calls itself an NVM Express controller, whoever made it', () => {
  const driver = new NvmeDriver();
  assert.equal(driver.matches(NVME), true);
  assert.equal(driver.matches({ ...NVME, vendorId: 0x8086, deviceId: 1, revisionId: 0 }), true);
  assert.equal(driver.matches({ ...NVME, baseClass: 2 }), false);
  assert.equal(driver.matches({ ...NVME, subClass: 6 }), false);
  assert.equal(driver.matches({ ...NVME, programmingInterface: 3 }), false);
});

test('a vector for each I/O queue, and one for the admin queue', () => {
  assert.equal(new NvmeDriver().vectorsWanted, 3);
  assert.equal(new NvmeDriver(7).vectorsWanted, 8);
});
