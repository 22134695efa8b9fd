import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  CapabilityId,
  ExtendedCapabilityId,
  extendedCapabilities,
  findCapability,
  standardCapabilities,
} from './capabilities.ts';
import { capabilityName, extendedCapabilityName } from './capability-names.ts';
import { e1000e, edu, nvmeWithSriov, virtioRng } from './testing/captured-functions.ts';

test("the standard list of QEMU's NVMe controller", () => {
  assert.deepEqual(standardCapabilities(nvmeWithSriov.config), {
    capabilities: [
      { id: CapabilityId.msix, offset: 0x40 },
      { id: CapabilityId.pciExpress, offset: 0x80 },
      { id: CapabilityId.powerManagement, offset: 0x60 },
    ],
    problem: undefined,
  });
});

test('the same id may be there several times', () => {
  const ids = standardCapabilities(virtioRng.config).capabilities.map((capability) => capability.id);
  assert.equal(ids.filter((id) => id === CapabilityId.vendorSpecific).length, 5);
  assert.equal(findCapability(standardCapabilities(virtioRng.config), CapabilityId.vendorSpecific)?.offset, 0xc8);
});

test('the extended list of an SR-IOV function, and none on conventional PCI', () => {
  assert.deepEqual(extendedCapabilities(nvmeWithSriov.config).capabilities, [
    { id: ExtendedCapabilityId.alternativeRoutingId, offset: 0x100, version: 1 },
    { id: ExtendedCapabilityId.singleRootIov, offset: 0x120, version: 1 },
  ]);
  assert.deepEqual(extendedCapabilities(e1000e.config).capabilities, [
    { id: ExtendedCapabilityId.advancedErrorReporting, offset: 0x100, version: 2 },
    { id: ExtendedCapabilityId.deviceSerialNumber, offset: 0x140, version: 1 },
  ]);
  assert.deepEqual(extendedCapabilities(edu.config), { capabilities: [], problem: undefined });
});

test('a loop, a pointer into the header and a cut list each end the walk with what was found', () => {
  const config = Uint8Array.from(nvmeWithSriov.config);
  config[0x61] = 0x40;
  const looped = standardCapabilities(config);
  assert.equal(looped.capabilities.length, 3);
  assert.match(looped.problem ?? '', /loops at 0x40/);

  config[0x61] = 0x10;
  assert.match(standardCapabilities(config).problem ?? '', /into the header, to 0x10/);

  const cut = standardCapabilities(nvmeWithSriov.config.subarray(0, 0x44));
  assert.equal(cut.capabilities.length, 1);
  assert.match(cut.problem ?? '', /0x80, which was not read/);

  assert.match(standardCapabilities(new Uint8Array(16)).problem ?? '', /fewer than 64 bytes/);
});

test('an extended list that loops ends', () => {
  const config = Uint8Array.from(nvmeWithSriov.config);
  config[0x122] = 0x01;
  config[0x123] = 0x10;
  assert.match(extendedCapabilities(config).problem ?? '', /loops at 0x100/);
});

test('whatever the bytes are, both walks end and stay within them', () => {
  const bytes = fc.uint8Array({ minLength: 0, maxLength: 4096, size: 'max' });
  fc.assert(
    fc.property(bytes, (config) => {
      if (config.length > 7) config[6] = (config[6] ?? 0) | 0x10;
      for (const walk of [standardCapabilities(config), extendedCapabilities(config)]) {
        const offsets = walk.capabilities.map((capability) => capability.offset);
        assert.equal(new Set(offsets).size, offsets.length);
        for (const offset of offsets) assert(offset >= 0x40 && offset + 2 <= config.length);
      }
    }),
  );
});

test('every id in the tables has a name', () => {
  for (const id of Object.values(CapabilityId)) assert.notEqual(capabilityName(id), undefined);
  for (const id of Object.values(ExtendedCapabilityId)) assert.notEqual(extendedCapabilityName(id), undefined);
  assert.equal(capabilityName(0x11), 'MSI-X');
  assert.equal(extendedCapabilityName(0x10), 'Single Root I/O Virtualization');
  assert.equal(capabilityName(0x77), undefined);
});
