import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NVME, withGuest } from './guest.ts';

/** The sizes of guests to try: `cpus:MiB`, separated by commas. */
const sizes = (process.env['DDA_GUEST_SIZES'] ?? '').split(',').map((size) => {
  const [vcpus, memoryMib] = size.split(':').map(Number);
  assert.ok(vcpus !== undefined && memoryMib !== undefined);
  return { vcpus, memoryMib };
});

for (const { vcpus, memoryMib } of sizes) {
  test(`${vcpus} vCPU${vcpus === 1 ? '' : 's'}, ${memoryMib} MiB: the guest uses an NVMe controller`, async () => {
    await withGuest({ vcpus, memoryMib }, async (guest) => {
      assert.equal(await guest.run('nproc'), String(vcpus));
      assert.equal(await guest.run('cat /sys/devices/system/cpu/online'), vcpus === 1 ? '0' : `0-${vcpus - 1}`);
      const cores = await guest.run('cat /sys/devices/system/cpu/cpu*/topology/core_id | sort -un | wc -l');
      assert.equal(cores, String(vcpus), 'each vCPU is a core of its own');
      const packages = await guest.run(
        'cat /sys/devices/system/cpu/cpu*/topology/physical_package_id | sort -un | wc -l',
      );
      assert.equal(packages, '1');
      const totalKib = Number(/MemTotal: +(\d+) kB/.exec(await guest.run('cat /proc/meminfo'))?.[1]);
      assert.ok(
        totalKib > memoryMib * 1024 * 0.85 && totalKib < memoryMib * 1024,
        `${totalKib} KiB of ${memoryMib} MiB`,
      );
      assert.match(await guest.run('dmesg'), /Hypervisor detected: Microsoft Hyper-V/);
      assert.equal(await guest.run('cat /sys/devices/system/clocksource/clocksource0/current_clocksource'), 'tsc');

      // The guest goes on while its memory is pinned. What it does also keeps its processors from sleeping for as long as a large one's lending
      // takes, in which one of the emulated host's may miss its timer (docs/rig.md).
      await guest.run("sh -c 'while usleep 100000; do echo >>/beats; done' >/dev/null 2>&1 &");
      await guest.until('[ -s /beats ]');
      const beats = async (): Promise<number> => Number(await guest.run('usleep 300000; wc -l </beats'));
      const before = await beats();
      const lending = guest.session.add(NVME);
      const over = lending.then(
        () => true,
        () => true,
      );
      let during: number;
      do during = await beats();
      while (!(await Promise.race([over, Promise.resolve(false)])));
      await lending;
      if (memoryMib > 4096) assert.ok(during > before, 'the guest did something while its memory was pinned');
      await guest.verifyDisk(vcpus);
      if (memoryMib > 4096) {
        // Data in RAM above 4 GiB reaches the device and comes back.
        await guest.run('mkdir -p /big && mount -t tmpfs -o size=90% tmpfs /big');
        await guest.run('head -c 8388608 /dev/urandom >/big/data');
        await guest.run('dd if=/big/data of=/dev/nvme0n1 bs=1M oflag=direct 2>/dev/null');
        await guest.run('dd if=/dev/nvme0n1 bs=1M count=8 iflag=direct 2>/dev/null | cmp - /big/data');
      }
      const lines = (await guest.run('grep "Hyper-V PCIe MSI" /proc/interrupts')).split('\n');
      assert.ok(lines.length >= 2, `vectors of the controller: ${lines.join('\n')}`);
      assert.deepEqual(await guest.complaints(), []);
      await guest.session.eject(NVME);
      assert.deepEqual(await guest.complaints(), [], 'after the eject');
    });
  });
}
