// What a guest may do to its own drivers and CPUs, and what no guest should: another guest goes on meanwhile, and the controller comes home.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { alteredModule } from '../../../rig/altered-module.ts';
import { openDisks } from '../../../src/host/index.ts';
import { type CpioEntry, ModuleTree } from '../../../src/vm/index.ts';
import { randomHypercalls, scribbleOverRings, scribbleOverSynic } from '../guest-code/module-code.ts';
import { pagesOfChannel } from './channel-pages.ts';
import { emptyDisk } from './disk-file.ts';
import { NVME, type Guest, withGuest } from './guest.ts';

const MIB = 1024 * 1024;
const MEMORY_MIB = 512;
/** Without dependencies, loaded by no guest, and with room in its first function; what the modules of these tests are made from. */
const MODULE = 'eurotechwdt';
const SEEDS = [0x1234_5678_9abc_def1n, 0x0fed_cba9_8765_4321n] as const;
/** What a guest may make the host say in one test, however it behaves. */
const MOST_LOG_LINES = 200;

const { DDA_GUEST_MODULES: modulesDirectory = assert.fail('DDA_GUEST_MODULES is not set') } = process.env;

/** Reads the whole time, until the disk is gone. */
const READ_IN_BACKGROUND =
  '(while dd if=/dev/nvme0n1 of=/dev/null bs=64k count=64 iflag=direct 2>/dev/null; do :; done) &';
const addressOfController = 'basename $(readlink -f /sys/class/nvme/nvme*/device)';
const nameOfChannel = 'basename $(ls -d /sys/bus/vmbus/drivers/hv_pci/*-*)';
const gone = '[ ! -e /dev/nvme0n1 ]';

test('drivers are unbound, unloaded and loaded again while they are busy; functions are removed and found', async (t) => {
  await withGuest({ vcpus: 2, memoryMib: MEMORY_MIB }, async (guest) => {
    await guest.session.add(NVME);
    let round = 0;
    const verify = async (): Promise<void> => {
      round += 1;
      await guest.verifyDisk(round);
    };
    await verify();
    const whileBusy = async (what: string, leave: string, comeBack: string): Promise<void> => {
      await t.test(what, async () => {
        await guest.run(READ_IN_BACKGROUND);
        await guest.run(leave);
        await guest.until(gone);
        await guest.run(comeBack);
        await verify();
      });
    };
    await whileBusy(
      'nvme is unbound and bound',
      `device=$(${addressOfController}); echo $device >/sys/bus/pci/drivers/nvme/unbind`,
      'echo $device >/sys/bus/pci/drivers/nvme/bind',
    );
    await whileBusy(
      'the function is removed by sysfs, and found by a rescan',
      `echo 1 >/sys/bus/pci/devices/$(${addressOfController})/remove`,
      'echo 1 >/sys/bus/pci/rescan',
    );
    await whileBusy(
      'pci-hyperv is unbound and bound',
      `channel=$(${nameOfChannel}); echo $channel >/sys/bus/vmbus/drivers/hv_pci/unbind`,
      'echo $channel >/sys/bus/vmbus/drivers/hv_pci/bind',
    );
    await whileBusy('pci-hyperv is unloaded and loaded', 'rmmod pci_hyperv', 'insmod /lib/dda/pci_hyperv.ko');
    await whileBusy(
      'hv_vmbus is unloaded and loaded: all is negotiated anew',
      'rmmod nvme pci_hyperv hv_vmbus',
      'insmod /lib/dda/hv_vmbus.ko && insmod /lib/dda/pci_hyperv.ko && insmod /lib/dda/nvme.ko',
    );
    await t.test('after all that it gives the function back when it is asked', async () => {
      await guest.session.eject(NVME);
      await guest.until(gone);
    });
    const complaints = (await guest.complaints()).filter((line) => !/nvme|Buffer I\/O|blk_/.test(line));
    assert.deepEqual(complaints, []);
  });
});

test('CPUs go offline and come back, those that interrupts go to as well', async (t) => {
  await withGuest({ vcpus: 4, memoryMib: MEMORY_MIB }, async (guest) => {
    await guest.session.add(NVME);
    await guest.verifyDisk(1);
    const interrupts = async (cpu: number): Promise<number> =>
      Number(await guest.run(`awk '/nvme0q/ { sum += $${cpu + 2} } END { print sum + 0 }' /proc/interrupts`));
    for (const cpu of [1, 2, 3]) {
      await t.test(`CPU ${cpu}`, async () => {
        const pinned = `taskset ${(1 << cpu).toString(16)} dd if=/dev/nvme0n1 of=/dev/null bs=4k count=64 iflag=direct 2>/dev/null`;
        const before = await interrupts(cpu);
        await guest.run(pinned);
        assert.ok((await interrupts(cpu)) >= before + 32, `its interrupts go to CPU ${cpu}`);
        await guest.run(READ_IN_BACKGROUND);
        await guest.run(`echo 0 >/sys/devices/system/cpu/cpu${cpu}/online`);
        await guest.verifyDisk(cpu * 2);
        await guest.run(`echo 1 >/sys/devices/system/cpu/cpu${cpu}/online`);
        const back = await interrupts(cpu);
        await guest.run(pinned);
        assert.ok((await interrupts(cpu)) >= back + 32, `they go to CPU ${cpu} again`);
        await guest.verifyDisk(cpu * 2 + 1);
      });
    }
    await guest.session.eject(NVME);
    await guest.until(gone);
    const complaints = (await guest.complaints()).filter((line) => !/nvme|Buffer I\/O|blk_/.test(line));
    assert.deepEqual(complaints, []);
  });
});

/** A disk of the guest that attacks: what it is to load and isn't known before it has started. */
const ARMS = emptyDisk('arms', MIB);

/** A guest that attacks while another has a disk of its own, and then the next one, which gets what the first had. */
async function attack(act: (guest: Guest, neighbour: Guest) => Promise<void>): Promise<void> {
  const disks = openDisks([{ path: emptyDisk('neighbour', 16 * MIB), readOnly: false }]);
  const armsDisks = openDisks([{ path: ARMS, readOnly: true }]);
  try {
    await withGuest({ disks, memoryMib: 256 }, async (neighbour) => {
      await neighbour.session.add('disk0');
      await neighbour.verifyDisk(1);
      let lines = 0;
      const armed = { vcpus: 2, memoryMib: MEMORY_MIB, files: await weapons(), disks: armsDisks };
      await withGuest(armed, async (guest) => {
        guest.session.machine.on('log', () => (lines += 1));
        await guest.session.add(NVME);
        await guest.verifyDisk(1);
        await act(guest, neighbour);
        await neighbour.verifyDisk(2);
      });
      assert.ok(lines <= MOST_LOG_LINES, `${lines} lines in the host's log`);
      await neighbour.verifyDisk(3);
      assert.deepEqual(await neighbour.complaints(), []);
      await withGuest({ memoryMib: 256 }, async (next) => {
        await next.session.add(NVME);
        await next.verifyDisk(2);
        await next.session.eject(NVME);
      });
    });
  } finally {
    for (const disk of [...disks, ...armsDisks]) disk.close();
  }
}

async function plainModule(): Promise<Uint8Array> {
  const tree = await ModuleTree.open(modulesDirectory);
  const module = (await tree.load([MODULE])).find(({ name }) => name === MODULE) ?? assert.fail(`no ${MODULE}`);
  return module.bytes;
}

async function weapons(): Promise<CpioEntry[]> {
  const module = await plainModule();
  const made = (path: string, code: readonly number[]): CpioEntry => ({
    kind: 'file',
    path,
    data: alteredModule(module, code),
  });
  return [
    { kind: 'directory', path: 'arms' },
    ...SEEDS.flatMap((seed, index) => [
      made(`arms/hypercalls${index}.ko`, randomHypercalls(3_000, seed, 256 * MIB)),
      made(`arms/synic${index}.ko`, scribbleOverSynic(200, seed)),
    ]),
  ];
}

/** Types something after which a guest may or may not go on, and gives it time. */
async function provoke(guest: Guest, line: string): Promise<void> {
  const from = guest.console.length;
  guest.type(line);
  const over = new AbortController();
  const ended = guest.session.ended.then(() => over.abort());
  for (let waitedMs = 0; waitedMs < 60_000 && !over.signal.aborted; waitedMs += 100) {
    if (guest.console.slice(from).includes('dda-test: exit')) return;
    await Promise.race([ended, sleep(100)]);
  }
}

test('hypercalls at random', async () => {
  await attack(async (guest) => {
    for (const index of SEEDS.keys()) await provoke(guest, `insmod /arms/hypercalls${index}.ko`);
  });
});

for (const where of ['packets', 'everything'] as const) {
  test(`noise in a channel's rings, ${where === 'packets' ? 'taken for packets' : 'indices and all'}`, async () => {
    await attack(async (guest, neighbour) => {
      // The channel that attack() has made was not recorded.
      await guest.session.eject(NVME);
      const reader = guest.session.machine.openTrace(() => undefined);
      await guest.session.add(NVME);
      await guest.verifyDisk(1);
      const code = scribbleOverRings(where, pagesOfChannel(reader), { rounds: 50, seed: SEEDS[0] });
      reader.close();
      const module = alteredModule(await plainModule(), code);
      // In its place: the disk keeps its size.
      writeFileSync(ARMS, module, { flag: 'r+' });
      await guest.session.add('disk0');
      await guest.until('[ -b /dev/nvme1n1 ]');
      const blocks = Math.ceil(module.byteLength / 4096);
      await guest.run(`dd if=/dev/nvme1n1 of=/arms/rings.ko bs=4k count=${blocks} iflag=direct 2>/dev/null`);
      await guest.run(`truncate -s ${module.byteLength} /arms/rings.ko`);
      let faults = 0;
      guest.session.machine.on('log', ({ code: what }) => (faults += what === 'VMBUS_CHANNEL_FAULT' ? 1 : 0));
      await provoke(guest, 'insmod /arms/rings.ko');
      assert.equal(faults, 1, 'the host ended the channel');
      await neighbour.verifyDisk(4);
      await guest.session.rescind(NVME);
    });
  });
}

test("noise in the SynIC's pages while the host has something to say", async () => {
  await attack(async (guest, neighbour) => {
    for (const index of SEEDS.keys()) {
      guest.type(`insmod /arms/synic${index}.ko`);
      await sleep(500);
      await neighbour.verifyDisk(4 + index);
    }
    await guest.session.rescind(NVME);
  });
});
