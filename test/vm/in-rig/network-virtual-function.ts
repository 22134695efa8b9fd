import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { createVirtualFunctions, dismount, openHost, removeVirtualFunctions } from '../../../src/host/index.ts';
import { list } from '../../../src/linux/index.ts';
import { withGuest } from './guest.ts';

/** The rig's network cards, after its NVMe controller: what one sends on the rig's network, the other hears. */
const CARD = '0000:02:00.0';
const OTHER_CARD = '0000:03:00.0';
/** A network namespace for the other card, so that the host's own routes don't lead around the wire. */
const FAR_END = 'far-end';
const HOST_ADDRESS = '192.0.2.1';
const GUEST_ADDRESS = '192.0.2.2';
const MACS = ['52:54:00:0d:da:01', '52:54:00:0d:da:02'] as const;

const interfaceOf = (function_: string): string => list(`/sys/bus/pci/devices/${function_}/net`)[0] ?? '';

function run(program: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  assert.equal(status, 0, `${program} ${args.join(' ')}: ${stdout}${stderr}`);
  return stdout;
}

test("a card's virtual functions have the settings that were asked for, and a guest's own igbvf works with one", async () => {
  const host = openHost('dda test');
  run('ip', 'link', 'set', interfaceOf(CARD), 'up');
  const otherEnd = interfaceOf(OTHER_CARD);
  run('ip', 'netns', 'add', FAR_END);
  run('ip', 'link', 'set', otherEnd, 'netns', FAR_END);
  run('ip', '-n', FAR_END, 'address', 'add', `${HOST_ADDRESS}/24`, 'dev', otherEnd);
  run('ip', '-n', FAR_END, 'link', 'set', otherEnd, 'up');
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
    assert.equal(await guest.run('cat /sys/class/net/eth0/address'), MACS[0]);
    await guest.run(`ip link set eth0 up && ip address add ${GUEST_ADDRESS}/24 dev eth0`);
    await guest.until('[ "$(cat /sys/class/net/eth0/carrier)" = 1 ]');
    // Large enough to take two frames each way.
    assert.match(await guest.run(`ping -c 5 -s 2000 ${HOST_ADDRESS}`), / 0% packet loss/);
    const neighbours = run('ip', '-n', FAR_END, 'neighbour', 'show', GUEST_ADDRESS);
    assert.match(
      neighbours,
      new RegExp(`lladdr ${MACS[0]} `),
      'the guest is known on the wire by the MAC it was given',
    );
    const interrupts = await guest.run('grep eth0 /proc/interrupts');
    assert.match(interrupts, /eth0-rx-0/);
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
