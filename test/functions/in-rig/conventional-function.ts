import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import type { FunctionBorrower } from '../../../src/functions/index.ts';
import { openPhysicalFunction } from '../../../src/functions/index.ts';
import { EventFd, VfioError, createDmaDomain, list, vfioBackendFor, writeAttribute } from '../../../src/linux/index.ts';

/** Two functions of the rig's chipset, which its IOMMU can't keep apart; the first has MSI, an I/O BAR and no reset. */
const sata = '0000:00:1f.2';
const smbus = '0000:00:1f.3';
const devices = '/sys/bus/pci/devices';

function bindTo(bdf: string, driver: string): void {
  writeAttribute(`${devices}/${bdf}/driver_override`, driver);
  if (existsSync(`${devices}/${bdf}/driver`)) writeAttribute(`${devices}/${bdf}/driver/unbind`, bdf);
  writeAttribute('/sys/bus/pci/drivers_probe', bdf);
}

/** How many interrupts the host has given to the function. */
function hostInterrupts(): number {
  const path = `${devices}/${sata}/msi_irqs`;
  return existsSync(path) ? list(path).length : 0;
}

bindTo(sata, 'vfio-pci');

test('a group that is not viable: who stands in the way', () => {
  execFileSync('modprobe', ['i2c-i801']);
  const domain = createDmaDomain(vfioBackendFor(sata));
  assert.throws(
    () => openPhysicalFunction(sata, domain),
    (error) =>
      error instanceof VfioError &&
      error.code === 'vfio-group-not-viable' &&
      error.message.includes(`apart from ${smbus} (bound to i801_smbus), which the host still uses`) &&
      error.message.includes(`Dismount ${smbus} too.`),
  );
  domain.close();
  bindTo(smbus, 'vfio-pci');
});

test('a function of conventional PCI without a reset: it says so, and its MSI is wired', () => {
  const domain = createDmaDomain(vfioBackendFor(sata));
  const fn = openPhysicalFunction(sata, domain);
  assert.deepEqual(
    fn.warnings.map((warning) => warning.code),
    ['function-no-reset'],
  );
  assert.deepEqual(fn.vectors, { msi: 1, msix: 0 });
  assert.deepEqual(fn.bars, [{ index: 5, kind: 'memory32', prefetchable: false, sizeBytes: 4096 }]);
  assert.equal(fn.readConfig(0x100, 4), 0xffff_ffff);
  assert.equal(fn.readConfig(0x20, 4), 0, 'the I/O BAR');

  const told: string[] = [];
  const eventFd = EventFd.create();
  const borrower: FunctionBorrower = {
    imageAccessChanged: (index) => told.push(`image of BAR ${index}`),
    doorbellsChanged: (index) => told.push(`doorbells of BAR ${index}`),
    barMoved: (index, gpa) => told.push(`bar ${index} ${gpa ?? 'off'}`),
    messageChanged: (vector, message) => {
      told.push(`vector ${vector} ${message?.data ?? 'off'}`);
      if (message !== undefined) fn.connectVector(vector, eventFd.fd);
    },
    releaseRequested: () => told.push('release requested'),
    failed: (reason) => told.push(reason),
  };
  fn.attach(borrower);
  fn.writeConfig(0x24, 4, 0xfe00_0000);
  fn.writeConfig(4, 2, 6);
  assert.equal(Number(fn.readBar(5, 0x10, 4)) >>> 16, 1, 'AHCI version 1');
  let msi = fn.readConfig(0x34, 1);
  while (fn.readConfig(msi, 1) !== 5) msi = fn.readConfig(msi + 1, 1);
  fn.writeConfig(msi + 4, 4, 0xfee0_0000);
  fn.writeConfig(msi + 12, 2, 77);
  assert.equal(hostInterrupts(), 0);
  fn.writeConfig(msi + 2, 2, 1);
  assert.equal(hostInterrupts(), 1);
  assert.deepEqual(told.splice(0), ['bar 5 4261412864', 'vector 0 77']);
  fn.quiesce();
  assert.deepEqual(told.splice(0), ['bar 5 off', 'vector 0 off']);
  fn.detach();
  assert.deepEqual(told, []);
  assert.equal(hostInterrupts(), 0);
  fn.close();
  eventFd.close();
  domain.close();
});
