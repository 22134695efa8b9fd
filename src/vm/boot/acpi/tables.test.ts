import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { BootError } from '../boot-error.ts';
import { dsdtAml } from './dsdt.ts';
import type { AcpiTable } from './table.ts';
import { buildAcpiTables } from './tables.ts';

const WINDOWS = [
  { gpa: 0xe0000000, sizeBytes: 0x10000000 },
  { gpa: 0x1000000000, sizeBytes: 0x100000000 },
];
const build = (apicIds: readonly number[]): ReturnType<typeof buildAcpiTables> =>
  buildAcpiTables({ apicIds, windows: WINDOWS });
const sum = (bytes: Uint8Array): number => bytes.reduce((total, byte) => (total + byte) & 0xff, 0);
const table = (tables: readonly AcpiTable[], signature: string): Buffer => {
  const found = tables.find((candidate) => candidate.signature === signature);
  assert.ok(found, signature);
  return Buffer.from(found.bytes);
};

test('the DSDT, byte for byte (without a clock)', () => {
  const expected = [
    '085f53355f 1207 04 0a05 00 00 00', // Name (_S5, Package () {5, 0, 0, 0})
    '10 430e 5f53425f', // Scope (_SB)
    '5b82 4e0a 564d4f44', // Device (VMOD)
    '085f484944 0d414350493030303400', // _HID "ACPI0004"
    '085f554944 00',
    '085f435253 11 4206 0a5e', // _CRS, a buffer of 94 bytes
    '8a2b00 00 0c 01 0000000000000000 000000e000000000 ffffffef00000000 0000000000000000 0000001000000000',
    '8a2b00 00 0c 01 0000000000000000 0000000010000000 ffffffff10000000 0000000000000000 0000000001000000',
    '7900',
    '5b82 29 564d4253', // Device (VMBS)
    '085f484944 0d564d42555300', // _HID "VMBUS"
    '085f554944 00',
    '085f535441 0a0f',
    '085f435253 11 05 0a02 7900',
    '5b82 2b 434f4d31', // Device (COM1)
    '085f484944 0c41d00501', // _HID PNP0501
    '085f554944 01',
    '085f435253 11 10 0a0d 4701f803f8030108 221000 7900',
  ];
  assert.equal(
    Buffer.from(dsdtAml({ windows: WINDOWS, hasRtc: false })).toString('hex'),
    expected.join('').replaceAll(' ', ''),
  );
});

test('every table: length, checksum, and a place of its own below 1 MiB', () => {
  const { tables, writes, rsdpGpa } = build([0, 1]);
  assert.deepEqual(
    tables.map(({ signature }) => signature),
    ['DSDT', 'FACP', 'APIC', 'XSDT'],
  );
  for (const { signature, bytes } of tables) {
    assert.equal(Buffer.from(bytes).toString('latin1', 0, 4), signature);
    assert.equal(Buffer.from(bytes).readUInt32LE(4), bytes.length, signature);
    assert.equal(sum(bytes), 0, signature);
  }
  assert.equal(rsdpGpa, 0xe0000);
  const ranges = writes.map(({ gpa, bytes }) => [gpa, gpa + bytes.length] as const).sort(([a], [b]) => a - b);
  ranges.forEach(([start, end], index) => {
    assert.ok(start >= (ranges[index - 1]?.[1] ?? 0xe0000) && end <= 0x100000);
  });
});

test('RSDP → XSDT → FADT, MADT; FADT → DSDT', () => {
  const { tables, writes, rsdpGpa } = build([0]);
  const at = (gpa: number): Buffer => {
    const write = writes.find((candidate) => candidate.gpa === gpa);
    assert.ok(write, gpa.toString(16));
    return Buffer.from(write.bytes);
  };
  const rsdp = at(rsdpGpa);
  assert.equal(rsdp.length, 36);
  assert.equal(rsdp.toString('latin1', 0, 8), 'RSD PTR ');
  assert.equal(rsdp[15], 2);
  assert.equal(sum(rsdp.subarray(0, 20)), 0);
  assert.equal(sum(rsdp), 0);
  const xsdt = at(Number(rsdp.readBigUInt64LE(24)));
  assert.deepEqual(xsdt, table(tables, 'XSDT'));
  const fadt = at(Number(xsdt.readBigUInt64LE(36)));
  assert.deepEqual(fadt, table(tables, 'FACP'));
  assert.deepEqual(at(Number(xsdt.readBigUInt64LE(44))), table(tables, 'APIC'));
  assert.deepEqual(at(fadt.readUInt32LE(40)), table(tables, 'DSDT'));
  assert.deepEqual(at(Number(fadt.readBigUInt64LE(140))), table(tables, 'DSDT'));
});

test('FADT: hardware-reduced, MSI allowed, reset and sleep by one byte to a port', () => {
  const fadt = table(build([0]).tables, 'FACP');
  assert.equal(fadt.length, 276);
  assert.deepEqual([fadt[8], fadt[131]], [6, 5]);
  assert.equal(fadt.readUInt16LE(109), 0x0004);
  assert.equal(fadt.readUInt32LE(112), 0x00100431);
  assert.equal(fadt[108], 0x32);
  const hex = (from: number): string => fadt.subarray(from, from + 12).toString('hex');
  assert.equal(hex(116), '010800010206000000000000');
  assert.equal(fadt[128], 1);
  assert.equal(hex(244), '010800010006000000000000');
  assert.equal(hex(256), '010800010106000000000000');
  const withoutClock = table(buildAcpiTables({ apicIds: [0], windows: WINDOWS, hasRtc: false }).tables, 'FACP');
  assert.equal(withoutClock.readUInt16LE(109), 0x0024);
  assert.equal(withoutClock[108], 0);
});

test('MADT: ids from 255 on have x2APIC entries, the IO-APIC comes last', () => {
  const madt = table(build([0, 1, 254, 255, 300]).tables, 'APIC');
  assert.equal(
    madt.subarray(36).toString('hex'),
    [
      '0000e0fe00000000',
      '0008000001000000',
      '0008010101000000',
      '000802fe01000000',
      '09100000ff0000000100000003000000',
      '091000002c0100000100000004000000',
      '010c00000000c0fe00000000',
    ].join(''),
  );
});

test('no processor, or more than the tables hold, is refused', () => {
  for (const count of [0, 20_000]) {
    assert.throws(
      () => build(Array.from({ length: count }, (_, index) => index)),
      (error) => error instanceof BootError && error.code === 'cpu-count',
    );
  }
});

test('iasl reads every table, and compiles the DSDT back to the same bytes', (context) => {
  const directory = mkdtempSync(join(tmpdir(), 'dda-acpi-'));
  context.after(() => rmSync(directory, { recursive: true }));
  const iasl = (...options: string[]): string =>
    execFileSync('iasl', options, { cwd: directory, encoding: 'utf8', stdio: 'pipe' });
  try {
    iasl('-v');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    context.skip("iasl is not installed: Debian's package acpica-tools has it");
    return;
  }
  const { tables } = build([0, 1, 2, 3, 300]);
  for (const { signature, bytes } of tables) {
    writeFileSync(join(directory, `${signature}.dat`), bytes);
    iasl('-d', `${signature}.dat`);
    const text = readFileSync(join(directory, `${signature}.dsl`), 'utf8');
    assert.doesNotMatch(text, /incorrect|invalid|unknown|warning|error/i, signature);
  }
  // -f: iasl finds "VMBUS" too short for a _HID string; every Hyper-V guest looks for just that.
  const log = iasl('-f', '-p', 'again', '-tc', 'DSDT.dsl');
  assert.match(log, /1 Errors, 0 Warnings/);
  const again = readFileSync(join(directory, 'again.aml'));
  const dsdt = table(tables, 'DSDT');
  assert.deepEqual(again.subarray(36), dsdt.subarray(36));
});
