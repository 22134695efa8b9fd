import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BootError } from './boot-error.ts';
import { type BootPlan, planBoot } from './boot-plan.ts';
import { parseBzImage } from './bzimage.ts';
import { parseVmlinux } from './elf.ts';
import { planGuestMap } from './guest-map.ts';
import { bytesAsFile } from './testing/bytes-as-file.ts';
import { tinyBzImage } from './testing/tiny-bzimage.ts';
import { tinyExecutable } from './testing/tiny-elf.ts';

const MIB = 2 ** 20;
const GIB = 2 ** 30;
const kernelFile = tinyBzImage();
const kernel = parseBzImage(kernelFile);
const mapOf = (memoryBytes: number): ReturnType<typeof planGuestMap> =>
  planGuestMap({ memoryBytes, physicalAddressBits: 40 });
const map = mapOf(128 * MIB);
const base = { kernel, map, apicIds: [0, 1], commandLine: 'console=ttyS0' } as const;
const bytesAt = (plan: BootPlan, gpa: number): Buffer => {
  const write = plan.writes.find((candidate) => candidate.gpa === gpa);
  assert.ok(write, `nothing is written to ${gpa.toString(16)}`);
  return Buffer.from(write.bytes);
};
const refuses = (options: Parameters<typeof planBoot>[0], code: string): void => {
  assert.throws(
    () => planBoot(options),
    (error) => error instanceof BootError && error.code === code,
  );
};

test('the boot processor: 64-bit mode, flat segments, at the 64-bit entry with the boot parameters in RSI', () => {
  const { cpu } = planBoot(base);
  assert.deepEqual(cpu.regs, { rip: 0x1000200, rsi: 0x7000, rsp: 0x8ff0, rflags: 2 });
  assert.deepEqual(cpu.sregs, {
    cs: { base: 0, limit: 0xffffffff, selector: 0x10, type: 0xb, present: 1, dpl: 0, db: 0, s: 1, l: 1, g: 1 },
    data: { base: 0, limit: 0xffffffff, selector: 0x18, type: 3, present: 1, dpl: 0, db: 1, s: 1, l: 0, g: 1 },
    gdt: { base: 0x500, limit: 31 },
    cr0: 0x80050033,
    cr3: 0x9000,
    cr4: 0x20,
    efer: 0x500,
  });
});

test('GDT, and page tables that map 0–4 GiB onto itself', () => {
  const plan = planBoot(base);
  assert.equal(bytesAt(plan, 0x500).toString('hex'), `${'00'.repeat(16)}ffff0000009baf00ffff00000093cf00`);
  assert.equal(bytesAt(plan, 0x9000).readBigUInt64LE(0), 0xa003n);
  const pointers = bytesAt(plan, 0xa000);
  assert.deepEqual(
    [0, 8, 16, 24].map((at) => pointers.readBigUInt64LE(at)),
    [0xb003n, 0xc003n, 0xd003n, 0xe003n],
  );
  const directories = bytesAt(plan, 0xb000);
  assert.equal(directories.length, 4 * 4096);
  for (const entry of [0, 1, 511, 512, 2047]) {
    assert.equal(directories.readBigUInt64LE(entry * 8), BigInt(entry * 2 * MIB) | 0x83n);
  }
});

test('boot parameters: the setup header from the file, all else ours or zero', () => {
  const initrd = new Uint8Array(5000).fill(7);
  const plan = planBoot({ ...base, initrd });
  const page = bytesAt(plan, 0x7000);
  assert.equal(page.length, 4096);
  assert.equal(plan.initrdGpa, 128 * MIB - 8192);
  const expected = Buffer.alloc(4096);
  expected.set(kernelFile.subarray(0x1f1, 0x26c), 0x1f1);
  expected.writeBigUInt64LE(0xe0000n, 0x070);
  expected.writeUInt8(0xff, 0x210);
  expected.writeUInt32LE(128 * MIB - 8192, 0x218);
  expected.writeUInt32LE(5000, 0x21c);
  expected.writeUInt32LE(0x20000, 0x228);
  expected.writeUInt8(3, 0x1e8);
  const table = [
    [0n, 0x9fc00n, 1],
    [0xe0000n, 0x20000n, 2],
    [0x100000n, BigInt(127 * MIB), 1],
  ] as const;
  table.forEach(([gpa, size, type], index) => {
    expected.writeBigUInt64LE(gpa, 0x2d0 + index * 20);
    expected.writeBigUInt64LE(size, 0x2d8 + index * 20);
    expected.writeUInt32LE(type, 0x2e0 + index * 20);
  });
  assert.deepEqual(page, expected);
});

test('kernel, command line, initramfs and ACPI tables are in their places, and nothing overlaps', () => {
  const initrd = new Uint8Array(100_000);
  const plan = planBoot({ ...base, initrd });
  assert.deepEqual(bytesAt(plan, 0x1000000), kernelFile.subarray(0xa00));
  assert.equal(bytesAt(plan, 0x20000).toString(), 'console=ttyS0\0');
  assert.deepEqual(bytesAt(plan, plan.initrdGpa ?? 0), Buffer.from(initrd));
  assert.equal(bytesAt(plan, 0xe0000).toString('latin1', 0, 8), 'RSD PTR ');
  const ranges = plan.writes.map(({ gpa, bytes }) => [gpa, gpa + bytes.length] as const).sort(([a], [b]) => a - b);
  ranges.forEach(([start], index) => assert.ok(start >= (ranges[index - 1]?.[1] ?? 0)));
});

test('the initramfs stays where the kernel can read it, however much RAM there is', () => {
  const initrd = new Uint8Array(4096);
  assert.equal(planBoot({ ...base, map: mapOf(6 * GIB), initrd }).initrdGpa, 2 * GIB - 4096);
  assert.equal(planBoot({ ...base, map: mapOf(6 * GIB) }).initrdGpa, undefined);
  const anywhere = parseBzImage(tinyBzImage({ initrdAddressMax: 0xffffffff }));
  assert.equal(planBoot({ ...base, kernel: anywhere, map: mapOf(6 * GIB), initrd }).initrdGpa, 3 * GIB - 4096);
});

test('an uncompressed kernel starts at its ELF entry, with a bare setup header', () => {
  const file = bytesAsFile(
    tinyExecutable(0x1000040, [
      { physicalAddress: 0x1000000, bytes: new Uint8Array(0x80).fill(0x90), memoryBytes: 0x1000 },
      { physicalAddress: 0x1200000, bytes: Uint8Array.of(1, 2, 3), memoryBytes: 0x200000 },
    ]),
  );
  const vmlinux = parseVmlinux(file);
  const plan = planBoot({ ...base, kernel: vmlinux, initrd: new Uint8Array(10) });
  assert.equal(plan.cpu.regs.rip, 0x1000040);
  assert.deepEqual(
    plan.loads.map(({ gpa, sizeBytes }) => [gpa, sizeBytes]),
    [
      [0x1000000, 0x80],
      [0x1200000, 3],
    ],
  );
  const last = new Uint8Array(3);
  file.read(plan.loads[1]?.offset ?? 0, last);
  assert.deepEqual([...last], [1, 2, 3]);
  const page = bytesAt(plan, 0x7000);
  assert.equal(page.toString('latin1', 0x202, 0x206), 'HdrS');
  assert.equal(page.readUInt16LE(0x206), 0x020f);
  assert.equal(page.readUInt32LE(0x218), plan.initrdGpa);
});

test('too little memory for what the kernel needs to unpack itself', () => {
  const large = parseBzImage(tinyBzImage({ initSizeBytes: 112 * MIB }));
  assert.equal(planBoot({ ...base, kernel: large }).initrdGpa, undefined);
  refuses({ ...base, kernel: large, initrd: new Uint8Array(1) }, 'memory-too-small');
  refuses({ ...base, kernel: large, map: mapOf(64 * MIB) }, 'memory-too-small');
  refuses({ ...base, initrd: new Uint8Array(120 * MIB) }, 'memory-too-small');
});

test('a command line that the kernel would cut off', () => {
  planBoot({ ...base, commandLine: 'x'.repeat(2047) });
  refuses({ ...base, commandLine: 'x'.repeat(2048) }, 'command-line');
  refuses({ ...base, commandLine: 'ä'.repeat(1024) }, 'command-line');
  refuses({ ...base, commandLine: 'a\0b' }, 'command-line');
  const boastful = parseBzImage(tinyBzImage({ commandLineMaxBytes: 0xffffffff }));
  refuses({ ...base, kernel: boastful, commandLine: 'x'.repeat(0x10000) }, 'command-line');
});

test('a guest without a processor', () => {
  refuses({ ...base, apicIds: [] }, 'cpu-count');
});
