import assert from 'node:assert/strict';
import test from 'node:test';
import type { HostDescription } from '../testing/description.ts';
import { consumerBoard } from '../testing/machines/consumer-board.ts';
import { laptop } from '../testing/machines/laptop.ts';
import { lineInterruptCards } from '../testing/machines/line-interrupt-cards.ts';
import { surveyAtHome, surveyOf, verdicts } from '../testing/machines/survey-of.ts';
import { rmrrServer } from '../testing/machines/rmrr-server.ts';
import { serverWithAcs } from '../testing/machines/server-with-acs.ts';
import { sriovNic } from '../testing/machines/sriov-nic.ts';

const machinery = ['not assignable', 'blocks machinery'];

function saysOf(machine: HostDescription, name: string): string {
  const survey = surveyOf(machine).find((candidate) => candidate.fn.name === name) ?? assert.fail(name);
  return survey.reasons.map((reason) => `${reason.code}: ${reason.sentence} → ${reason.remedy ?? ''}`).join('\n');
}

test('consumer board: everything behind the chipset is one group', () => {
  assert.deepEqual(verdicts(surveyOf(consumerBoard)), {
    '0000:00:00.0': machinery,
    '0000:00:01.1': machinery,
    '0000:00:02.1': machinery,
    '0000:00:03.1': machinery,
    '0000:01:00.0': ['not assignable', 'blocks in-use', 'blocks in-use'],
    '0000:02:00.0': ['not assignable', 'blocks group-mate-in-use', 'note legacy-endpoint', 'note shared-device'],
    '0000:02:00.1': [
      'not assignable',
      'blocks group-mate-in-use',
      'risk no-reset',
      'note legacy-endpoint',
      'note shared-device',
    ],
    '0000:02:00.2': machinery,
    '0000:03:00.0': machinery,
    '0000:03:09.0': machinery,
    '0000:04:00.0': ['not assignable', 'blocks group-mate-in-use', 'note no-acs'],
    '0000:05:00.0': ['not assignable', 'blocks in-use', 'risk group-mates', 'note io-ports-hidden', 'note no-acs'],
    '0000:06:00.0': [
      'not assignable',
      'blocks in-use',
      'risk group-mates',
      'note io-ports-hidden',
      'note legacy-endpoint',
      'note shared-device',
      'note in-light-use',
    ],
    '0000:06:00.1': ['not assignable', 'blocks group-mate-in-use', 'risk no-reset', 'note shared-device'],
  });
  const usb = saysOf(consumerBoard, '0000:04:00.0');
  assert.match(usb, /group-mate-in-use: Its IOMMU group 15 also holds 0000:05:00\.0, which the host needs/);
  assert.match(usb, /no-acs: 0000:03:00\.0 above it has no ACS.* → Put the device into another slot/);
  assert.match(saysOf(consumerBoard, '0000:05:00.0'), /default route goes through enp5s0/);
  assert.match(saysOf(consumerBoard, '0000:06:00.0'), /boot/);
  assert.match(saysOf(consumerBoard, '0000:06:00.0'), /in-light-use: A screen at DP-1 is on/);
});

test('consumer board: with the groups split by force, the risk is said', () => {
  const functions = consumerBoard.functions.map((fn) => (fn.address === '0000:04:00.0' ? { ...fn, group: 40 } : fn));
  const forced = { ...consumerBoard, functions, commandLine: 'quiet pcie_acs_override=downstream' };
  assert.deepEqual(verdicts(surveyOf(forced))['0000:04:00.0'], ['assignable with risk', 'risk acs-overridden']);
});

test('server with ACS: whatever is not in use can be lent, also behind a switch', () => {
  const raid = ['not assignable', 'blocks in-use', 'blocks in-use', 'blocks in-use', 'blocks in-use', 'blocks in-use'];
  assert.deepEqual(verdicts(surveyOf(serverWithAcs)), {
    '0000:17:00.0': machinery,
    '0000:17:02.0': machinery,
    '0000:18:00.0': raid,
    '0000:19:00.0': ['not assignable', 'blocks in-use'],
    '0000:19:00.1': ['assignable'],
    '0000:d7:00.0': machinery,
    '0000:d8:00.0': machinery,
    '0000:d9:04.0': machinery,
    '0000:d9:05.0': machinery,
    '0000:d9:06.0': machinery,
    '0000:da:00.0': raid,
    '0000:db:00.0': ['assignable'],
    '0000:dc:00.0': ['assignable'],
  });
  const drive = saysOf(serverWithAcs, '0000:da:00.0');
  assert.match(drive, /\/dev\/md127 is built on \/dev\/nvme1n1p1/);
  assert.match(drive, /\/dev\/mapper\/vg0-root is mounted at \//);
  assert.match(drive, /swaps to \/dev\/mapper\/vg0-swap\. → Turn it off first: swapoff/);
  assert.match(saysOf(serverWithAcs, '0000:19:00.0'), /goes through bond0, which is built on ens1f0/);
  const spare = surveyOf(serverWithAcs).find(({ fn }) => fn.name === '0000:dc:00.0')?.fn;
  assert.equal(spare?.locationPath, 'PCIROOT(D7)#PCI(0000)#PCI(0000)#PCI(0600)#PCI(0000)');
  assert.equal(spare?.numaNode, 1);
});

test('server with reserved memory: what firmware watches can not be lent, and why', () => {
  assert.deepEqual(verdicts(surveyOf(rmrrServer)), {
    '0000:00:02.0': machinery,
    '0000:00:02.2': machinery,
    '0000:00:03.0': machinery,
    '0000:00:1d.0': ['not assignable', 'blocks no-message-interrupts', 'note conventional-on-root-bus'],
    '0000:03:00.0': [
      'not assignable',
      'blocks reserved-memory',
      'blocks in-use',
      'risk firmware-control',
      'note io-ports-hidden',
    ],
    '0000:04:00.0': ['not assignable', 'blocks reserved-memory', 'blocks in-use', 'risk firmware-control'],
    '0000:04:00.1': ['not assignable', 'blocks reserved-memory', 'risk firmware-control'],
    '0000:05:00.0': ['assignable with risk', 'risk firmware-control'],
  });
  const watched = saysOf(rmrrServer, '0000:04:00.1');
  assert.match(watched, /reaching memory through its group \(0x791ed000-0x791eefff\)/);
  assert.match(watched, /→ Look for a firmware setting \(often "shared memory" or "RMRR" of the slot\)/);
  assert.match(saysOf(rmrrServer, '0000:05:00.0'), /Firmware kept control .* 0000:00:03\.0.*dmesg \| grep _OSC/);
});

test('laptop: the second graphics processor goes with its sound function, and is not woken', () => {
  assert.deepEqual(verdicts(surveyOf(laptop)), {
    '0000:00:00.0': machinery,
    '0000:00:01.0': machinery,
    '0000:00:02.0': [
      'not assignable',
      'blocks in-use',
      'note io-ports-hidden',
      'note root-complex-endpoint',
      'note in-light-use',
    ],
    '0000:00:14.0': ['assignable with risk', 'risk no-reset', 'note conventional-on-root-bus'],
    '0000:00:1d.0': machinery,
    '0000:00:1d.4': machinery,
    '0000:01:00.0': ['assignable with risk', 'risk group-mates', 'note asleep', 'note io-ports-hidden', 'note no-acs'],
    '0000:01:00.1': ['assignable with risk', 'risk no-reset', 'risk group-mates', 'note asleep', 'note no-acs'],
    '0000:3a:00.0': ['not assignable', 'blocks in-use', 'blocks in-use'],
    '0000:3b:00.0': ['not assignable', 'blocks in-use'],
  });
  const graphics = saysOf(laptop, '0000:01:00.0');
  assert.match(graphics, /group-mates: .* also holds 0000:01:00\.1.* → .*dda dismount 0000:01:00\.0 0000:01:00\.1/);
  assert.match(graphics, /asleep: It is powered off .* → .*echo on > /);
  assert.match(saysOf(laptop, '0000:00:14.0'), /no-reset: .*could not be handed back clean/);
  assert.match(saysOf(laptop, '0000:00:02.0'), /display that the machine booted on/);
});

test('cards with line interrupts: neither I/O ports nor line interrupts reach a guest', () => {
  const behindBridge = ['risk conventional-pci', 'risk no-reset', 'risk group-mates'];
  assert.deepEqual(verdicts(surveyOf(lineInterruptCards)), {
    '0000:00:1c.0': machinery,
    '0000:00:1c.3': machinery,
    '0000:03:00.0': ['assignable', 'note io-ports-hidden', 'note acs-by-model'],
    '0000:04:00.0': machinery,
    '0000:05:00.0': [
      'not assignable',
      'blocks io-ports-only',
      'blocks no-message-interrupts',
      ...behindBridge,
      'note no-acs',
      'note shared-device',
    ],
    '0000:05:00.1': [
      'not assignable',
      'blocks io-ports-only',
      ...behindBridge,
      'note no-interrupts',
      'note no-acs',
      'note shared-device',
    ],
    '0000:05:01.0': ['not assignable', 'blocks no-message-interrupts', ...behindBridge, 'note no-acs'],
  });
  assert.match(saysOf(lineInterruptCards, '0000:05:01.0'), /a line interrupt only/);
  assert.match(saysOf(lineInterruptCards, '0000:03:00.0'), /acs-by-model: 0000:00:1c\.0 above it shows no ACS/);
});

test('SR-IOV network card: virtual functions are lent, and hold their physical function', () => {
  assert.deepEqual(verdicts(surveyOf(sriovNic)), {
    '0000:00:01.0': machinery,
    '0000:01:00.0': ['not assignable', 'blocks in-use', 'note io-ports-hidden'],
    '0000:01:00.1': ['not assignable', 'blocks virtual-functions-on', 'note io-ports-hidden', 'note in-light-use'],
    '0000:01:00.2': ['assignable', 'note io-ports-hidden'],
    '0000:01:10.1': ['not assignable', 'blocks held', 'note dismounted'],
    '0000:01:10.5': ['assignable'],
  });
  assert.match(saysOf(sriovNic, '0000:01:00.1'), /2 virtual functions \(0000:01:10\.1, 0000:01:10\.5\).*dda vf remove/);
  assert.match(saysOf(sriovNic, '0000:01:10.1'), /Process 2201 \(qemu-system-x86\) holds it through \/dev\/vfio\/42/);
});

for (const [name, machine] of Object.entries({
  consumerBoard,
  serverWithAcs,
  rmrrServer,
  laptop,
  lineInterruptCards,
  sriovNic,
})) {
  test(`${name}: its capture tells the same as the machine itself`, () => {
    assert.deepEqual(verdicts(surveyOf(machine)), verdicts(surveyAtHome(machine)));
  });
}
