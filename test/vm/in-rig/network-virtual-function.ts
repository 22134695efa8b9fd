import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { createVirtualFunctions, dismount, openHost, removeVirtualFunctions } from '../../../src/host/index.ts';
import { list } from '../../../src/linux/index.ts';
import { withGuest } from './guest.ts';

/** The rig's two network cards, after its NVMe controller; what one sends the other hears. */
const CARD = '0000:02:00.0';
const OTHER_CARD = '0000:03:00.0';
const MAC = '52:54:00:0d:da:01';
const HOST_ADDRESS = '10.9.0.1';
const GUEST_ADDRESS = '10.9.0.2';

const interfaceOf = (function_: string): string => list(`/sys/bus/pci/devices/${function_}/net`)[0] ?? '';

function run(program: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  assert.equal(status, 0, `${program} ${args.join(' ')}: ${stdout}${stderr}`);
  return stdout;
}

test("a guest's own igbvf passes traffic on a virtual function with the address that the host chose", async () => {
  const host = openHost('dda test');
  run('ip', 'link', 'set', interfaceOf(CARD), 'up');
  run('ip', 'address', 'add', `${HOST_ADDRESS}/24`, 'dev', interfaceOf(OTHER_CARD));
  run('ip', 'link', 'set', interfaceOf(OTHER_CARD), 'up');
  const created = await createVirtualFunctions(host, {
    physicalFunction: CARD,
    count: 1,
    perFunction: [{ mac: MAC, vlan: 0, trust: false }],
  });
  const [virtual] = created.functions;
  assert.ok(virtual !== undefined);
  assert.deepEqual(virtual.network, { mac: MAC, vlan: 0, trust: false, spoofCheck: true });
  await withGuest({ drivers: ['igbvf'] }, async (guest) => {
    await guest.session.add(virtual.name);
    await guest.until('[ -e /sys/class/net/eth0 ]');
    assert.equal(await guest.run('cat /sys/class/net/eth0/address'), MAC);
    await guest.run(`ip address add ${GUEST_ADDRESS}/24 dev eth0 && ip link set eth0 up`);
    await guest.until('[ "$(cat /sys/class/net/eth0/carrier 2>/dev/null)" = 1 ]');
    await guest.until(`ping -c 1 -W 1 ${HOST_ADDRESS} >/dev/null`);
    assert.match(await guest.run(`ping -c 5 -W 5 -s 1400 ${HOST_ADDRESS}`), /5 packets received/);
    const neighbours = run('ip', 'neighbour', 'show', GUEST_ADDRESS);
    assert.match(neighbours, new RegExp(`dev ${interfaceOf(OTHER_CARD)} lladdr ${MAC}`), 'it came over the wire');
    await assert.rejects(removeVirtualFunctions(host, CARD, { includeDismounted: true }), {
      code: 'virtual-functions-lent',
    });
    await assert.rejects(dismount(host, [CARD], { force: true }), { code: 'virtual-functions-lent' });
    await guest.session.eject(virtual.name);
    await guest.until('[ ! -e /sys/class/net/eth0 ]');
    assert.deepEqual(await guest.complaints(), []);
  });
  await removeVirtualFunctions(host, CARD, { includeDismounted: true });
  assert.deepEqual(
    list(`/sys/bus/pci/devices/${CARD}`).filter((name) => name.startsWith('virtfn')),
    [],
  );
});
