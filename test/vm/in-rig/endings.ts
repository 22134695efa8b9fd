import assert from 'node:assert/strict';
import { linkName } from '../../../src/linux/index.ts';
import { test } from 'node:test';
import { describeEnd, type MachineEnd } from '../../../src/vm/index.ts';
import { type Guest, NVME, withGuest } from './guest.ts';

/** Boots a guest that has the controller, types `line`, and gives how the machine ended. */
async function endOf(line: string, extraCommandLine = ''): Promise<MachineEnd> {
  let end: Promise<MachineEnd> | undefined;
  await withGuest({ vcpus: 2, extraCommandLine }, async (guest: Guest) => {
    await guest.session.add(NVME);
    await guest.until('[ -b /dev/nvme0n1 ]');
    end = guest.session.ended;
    guest.type(line);
    await end;
  });
  assert.ok(end !== undefined);
  assert.equal(linkName(`/sys/bus/pci/devices/${NVME}/driver`), 'nvme', 'the controller is back at its host driver');
  return end;
}

test('a guest powers off', async () => {
  assert.equal((await endOf('poweroff -f')).kind, 'power-off');
});

test('a guest reboots', async () => {
  assert.equal((await endOf('reboot -f')).kind, 'reset');
});

test('a guest that panics says so itself, with its message', async () => {
  const end = await endOf('echo c >/proc/sysrq-trigger');
  assert.equal(end.kind, 'panic');
  assert.ok(end.kind === 'panic');
  assert.match(end.report.message ?? '', /Kernel panic - not syncing: sysrq triggered crash/);
  assert.match(describeEnd(end), /^the guest panicked: .*sysrq triggered crash/);
});

test('a triple fault is seen as what it is', async () => {
  const end = await endOf('reboot -f', 'reboot=t');
  assert.equal(end.kind, 'triple-fault', describeEnd(end));
});
