import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import {
  claimNode,
  countOpenFiles,
  createDmaDomainOver,
  linkName,
  OpenFlag,
  openFile,
  openVfioDevice,
  type PassedNode,
  readAttribute,
  type VfioBackendKind,
} from '../../../src/linux/index.ts';
import { bindTo, nvmeControllers } from './rig-devices.ts';

const [bdf] = nvmeControllers((name) => readAttribute(`/sys/bus/pci/devices/${name}/class`));
assert.ok(bdf !== undefined);
const backend = (process.env['VFIO_BACKEND'] ?? 'container') as VfioBackendKind;
const open = (path: string): number => openFile(path, OpenFlag.readWrite);

function groupNode(): PassedNode {
  const group = linkName(`/sys/bus/pci/devices/${bdf}/iommu_group`) ?? '';
  return { kind: 'group', group, fd: open(`/dev/vfio/${group}`) };
}

function deviceNode(): PassedNode {
  const name = readdirSync(`/sys/bus/pci/devices/${bdf}/vfio-dev`)[0] ?? '';
  return { kind: 'device', fd: open(`/dev/vfio/devices/${name}`) };
}

const right = backend === 'container' ? groupNode : deviceNode;
/** Of the other kind than the address space; never looked at. */
const wrong = (): PassedNode =>
  backend === 'container'
    ? { kind: 'device', fd: open('/dev/null') }
    : { kind: 'group', group: '1', fd: open('/dev/null') };

test('a function is opened by descriptors alone, which are let go of whatever happens', () => {
  bindTo(bdf, 'vfio-pci');
  const before = countOpenFiles() ?? 0;
  const domain = createDmaDomainOver(backend, open(backend === 'container' ? '/dev/vfio/vfio' : '/dev/iommu'));
  assert.throws(() => openVfioDevice({ bdf, domain, passed: wrong() }), { code: 'vfio-backend-missing' });
  assert.throws(() => openVfioDevice({ bdf, domain, passed: { kind: 'group', group: '9999', fd: undefined } }), {
    code: 'vfio-backend-missing',
  });
  assert.equal(countOpenFiles(), before + 1);
  for (let round = 0; round < 2; round++) {
    const device = openVfioDevice({ bdf, domain, passed: right() });
    assert.equal(device.readConfig(0, 4), 0x0010_1b36);
    device.close();
    assert.equal(countOpenFiles(), before + 1);
  }
  const group = linkName(`/sys/bus/pci/devices/${bdf}/iommu_group`) ?? '';
  const claim = claimNode(`/dev/vfio/${group}`);
  assert.equal(claim.state, 'free');
  if (claim.state === 'free') claim.release();
  domain.close();
  assert.equal(countOpenFiles(), before);
});
