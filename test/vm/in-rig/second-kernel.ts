// A guest that starts another kernel in the place of its own, by its will and after a panic: it finds the bus and the controller anew.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { type CpioEntry } from '../../../src/vm/index.ts';
import { type NextKernel, kexecNow, kexecOnCrash } from '../guest-code/guest-programs.ts';
import { COMMAND_LINE, type Guest, NVME, testInitrd, withGuest } from './guest.ts';

const { DDA_GUEST_KERNEL: kernelPath = assert.fail('DDA_GUEST_KERNEL is not set') } = process.env;
/** For the kernel that is started after a panic: what Linux's own documentation advises, and what its initramfs takes. */
const RESERVED_MIB = 320;
const SUM = 'dd if=/dev/nvme0n1 bs=1M count=4 iflag=direct 2>/dev/null | sha256sum';

async function nextKernel(extra: string, program: (next: NextKernel) => Uint8Array): Promise<CpioEntry[]> {
  const commandLine = `${COMMAND_LINE} ${extra}`.trim();
  const place = { kernel: '/next/kernel', initrd: '/next/initrd' };
  return [
    { kind: 'directory', path: 'next' },
    { kind: 'file', path: 'next/kernel', data: readFileSync(kernelPath) },
    { kind: 'file', path: 'next/initrd', data: await testInitrd(commandLine, {}) },
    { kind: 'file', path: 'next/go', data: program({ ...place, commandLine }), mode: 0o755 },
  ];
}

/** What the second kernel must be able to do with what the first one had. */
async function goesOn(guest: Guest, sum: string): Promise<void> {
  await guest.expect('dda-test: ready');
  assert.match(await guest.run('cat /proc/cmdline'), /dda\.second=1/);
  await guest.until('[ -b /dev/nvme0n1 ]');
  assert.equal(await guest.run(SUM), sum, 'what the first kernel wrote');
  await guest.verifyDisk(2);
}

test('kexec: the next kernel negotiates everything anew', async () => {
  const files = await nextKernel('dda.second=1', kexecNow);
  await withGuest({ vcpus: 2, memoryMib: 768, files }, async (guest) => {
    await guest.session.add(NVME);
    await guest.verifyDisk(1);
    const sum = await guest.run(SUM);
    guest.type('/next/go');
    await goesOn(guest, sum);
    await guest.session.eject(NVME);
    await guest.until('[ ! -e /dev/nvme0 ]');
    await guest.session.add(NVME);
    await guest.verifyDisk(3);
  });
});

test('kdump: a panic is told to the host, and the crash kernel finds the controller', async () => {
  const files = await nextKernel('dda.second=1 nr_cpus=1 reset_devices irqpoll', kexecOnCrash);
  const options = { vcpus: 2, memoryMib: 1280, extraCommandLine: `crashkernel=${RESERVED_MIB}M`, files };
  await withGuest(options, async (guest) => {
    const crashed = Promise.withResolvers<string>();
    guest.session.machine.on('crashed', ({ message }) => crashed.resolve(message ?? ''));
    await guest.session.add(NVME);
    await guest.verifyDisk(1);
    const sum = await guest.run(SUM);
    await guest.run('/next/go');
    guest.type('echo c >/proc/sysrq-trigger');
    assert.match(await crashed.promise, /sysrq triggered crash/);
    await goesOn(guest, sum);
    assert.equal(await guest.run('[ -e /proc/vmcore ] && echo dump'), 'dump');
  });
});
