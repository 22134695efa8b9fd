import assert from 'node:assert/strict';
import { test } from 'node:test';
import { extendedCapabilities, readU16, readU32 } from '../../pci/index.ts';
import { softwareNvmeConfig } from './config-space.ts';
import { SriovCapability, SriovField, vfEnable } from './sriov-capability.ts';

function capability(): { readonly sriov: SriovCapability; readonly counts: number[] } {
  const counts: number[] = [];
  const shape = { totalVfs: 4, vfDeviceId: 2, vfBarBytes: 0x4000 };
  return { sriov: new SriovCapability(shape, (count) => void counts.push(count)), counts };
}

test('it stands first among the extended capabilities of the physical function, and in none of a virtual one', () => {
  const { sriov } = capability();
  const config = softwareNvmeConfig({ vectors: 3, isVirtual: false, sriov: sriov.bytes });
  assert.deepEqual(
    extendedCapabilities(config).capabilities.map(({ id, offset }) => [id, offset]),
    [[0x10, 0x100]],
  );
  assert.deepEqual([readU16(config, 0x100 + SriovField.totalVfs), readU16(config, 0x100 + SriovField.numVfs)], [4, 0]);
  const virtual = softwareNvmeConfig({ vectors: 3, isVirtual: true, sriov: undefined });
  assert.deepEqual([extendedCapabilities(virtual).capabilities, readU16(virtual, 2)], [[], 2]);
});

test('their number is set first, then they are enabled; a reset ends them', () => {
  const { sriov, counts } = capability();
  sriov.write(SriovField.numVfs, 2, 5);
  assert.equal(readU16(sriov.bytes, SriovField.numVfs), 0, 'there are four at the most');
  sriov.write(SriovField.numVfs, 2, 3);
  sriov.write(SriovField.control, 2, vfEnable);
  sriov.write(SriovField.numVfs, 2, 1);
  assert.deepEqual([counts, sriov.enabledVfs], [[3], 3]);
  sriov.write(SriovField.control, 2, 0);
  sriov.write(SriovField.control, 4, vfEnable);
  sriov.reset();
  assert.deepEqual([counts, sriov.enabledVfs], [[3, 0, 3, 0], 0]);
});

test('the BAR of virtual functions says how large each is', () => {
  const { sriov } = capability();
  sriov.write(SriovField.vfBar0, 4, 0xffff_ffff);
  sriov.write(SriovField.vfBar0 + 4, 4, 0xffff_ffff);
  assert.deepEqual(
    [readU32(sriov.bytes, SriovField.vfBar0), readU32(sriov.bytes, SriovField.vfBar0 + 4)],
    [0xffff_c004, 0xffff_ffff],
  );
  sriov.write(SriovField.totalVfs, 2, 9);
  assert.equal(readU16(sriov.bytes, SriovField.totalVfs), 4);
});
