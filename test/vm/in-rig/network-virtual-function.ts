import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { createVirtualFunctions, dismount, openHost, removeVirtualFunctions } from '../../../src/host/index.ts';
import { list } from '../../../src/linux/index.ts';
import { withGuest } from './guest.ts';

/** The first of the rig's network cards, after its NVMe controller. */
const CARD = '0000:02:00.0';
const MACS = ['52:54:00:0d:da:01', '52:54:00:0d:da:02'] as const;

const interfaceOf = (function_: string): string => list(`/sys/bus/pci/devices/${function_}/net`)[0] ?? '';

function run(program: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  assert.equal(status, 0, `${program} ${args.join(' ')}: ${stdout}${stderr}`);
  return stdout;
}

test("a card's virtual functions have the settings that were asked for, and a guest's own igbvf takes one", async () => {
  const host = openHost('dda test');
  run('ip', 'link', 'set', interfaceOf(CARD), 'up');
  const created = await createVirtualFunctions(host, {
    physicalFunction: CARD,
    count: 2,
    perFunction: [
      { mac: MACS[0], vlan: 0, trust: false },
      { mac: MACS[1], vlan: 42, trust: true },
    ],
  });
  const [virtual] = created.functions;
  assert.ok(virtual !== undefined);
  assert.deepEqual(
    created.functions.map(({ driver, network }) => [driver, network]),
    [
      ['vfio-pci', { mac: MACS[0], vlan: 0, trust: false, spoofCheck: true }],
      ['vfio-pci', { mac: MACS[1], vlan: 42, trust: true, spoofCheck: false }],
    ],
  );
  const told = run('ip', 'link', 'show', interfaceOf(CARD));
  assert.match(told, new RegExp(`vf 0 .*${MACS[0]}.*spoof checking on.*trust off`));
  assert.match(told, new RegExp(`vf 1 .*${MACS[1]}.*vlan 42.*spoof checking off.*trust on`));
  await withGuest({ drivers: ['igbvf'] }, async (guest) => {
    await guest.session.add(virtual.name);
    await guest.until('[ -e /sys/class/net/eth0 ]');
    assert.match(await guest.run('readlink /sys/class/net/eth0/device/driver'), /\/igbvf$/);
    await assert.rejects(removeVirtualFunctions(host, CARD, { includeDismounted: true, force: true }), {
      code: 'virtual-functions-lent',
    });
    await assert.rejects(dismount(host, [CARD], { force: true }), { code: 'virtual-functions-lent' });
    await guest.session.eject(virtual.name);
    await guest.until('[ ! -e /sys/class/net/eth0 ]');
  });
  await removeVirtualFunctions(host, CARD, { includeDismounted: true });
  assert.deepEqual(
    list(`/sys/bus/pci/devices/${CARD}`).filter((name) => name.startsWith('virtfn')),
    [],
  );
});
