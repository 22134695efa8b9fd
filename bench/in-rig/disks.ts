/** The rounds of `bench -- disks`, as a program in the rig: `node disks.ts CONFIG`, JSON in, JSON lines out. */
import { writeFileSync } from 'node:fs';
import { DISK_MIB, DISK_WORK, type DisksConfig, type DisksLine } from '../disk-work.ts';
import { Marker } from '../guest-script.ts';
import { startDda } from './dda-vmm.ts';
import { startQemu } from './qemu-vmm.ts';
import type { Vmm } from './vmm.ts';

const config = JSON.parse(process.argv[2] ?? '') as DisksConfig;
const STEP_TIMEOUT_MS = 240_000;
const MIB = 2 ** 20;
/** In the rig's memory, and so in its page cache on both sides: what is compared is the way there. */
const DISK = '/tmp/bench-disk.img';

/** As fast as QEMU's goes: doorbells by ioeventfd, the host's page cache. */
const qemuDisk = [
  ...['-blockdev', `driver=file,node-name=disk,filename=${DISK}`],
  ...['-device', 'nvme,drive=disk,serial=bench,bus=slot1,ioeventfd=on'],
];

for (let round = 1; round <= config.rounds; round += 1) {
  for (const side of ['dda', 'qemu'] as const) {
    writeFileSync(DISK, Buffer.alloc(DISK_MIB * MIB, 0xa5));
    const vmm =
      side === 'dda'
        ? startDda(config.guest, '', config.program, ['--disk', DISK])
        : await startQemu(config.guest, '', { devices: qemuDisk });
    const line: DisksLine = { side, round, rates: await rates(vmm, side) };
    process.stdout.write(`${JSON.stringify(line)}\n`);
  }
}

async function rates(vmm: Vmm, side: string): Promise<number[]> {
  try {
    const measured: number[] = [];
    let { at } = await vmm.console.waitFor(Marker.read, STEP_TIMEOUT_MS);
    for (const { least, most, each } of DISK_WORK) {
      const started = await vmm.console.waitFor(Marker.read, STEP_TIMEOUT_MS);
      const ended = await vmm.console.waitFor(Marker.read, STEP_TIMEOUT_MS);
      const seconds = (ended.at - started.at - (started.at - at)) / 1000;
      measured.push(((most - least) * each) / seconds);
      at = ended.at;
    }
    return measured;
  } catch (error) {
    const said = `--- ${side} said\n${vmm.complaints().slice(-3000)}\n--- guest's console\n${vmm.console.tail}`;
    throw new Error(`${String(error)}\n${said}`, { cause: error });
  } finally {
    const ended = new Promise((resolve) => vmm.process.once('exit', resolve));
    vmm.kill();
    if (vmm.process.exitCode === null && vmm.process.signalCode === null) await ended;
  }
}
