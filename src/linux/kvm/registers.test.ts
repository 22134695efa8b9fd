import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { regsSizeBytes, sregsSizeBytes } from './layouts.ts';
import { decodeRegs, decodeSregs, encodeRegs, encodeSregs } from './registers.ts';

test('general registers stand where KVM has them', () => {
  const bytes = new Uint8Array(regsSizeBytes);
  bytes[8] = 0xb;
  bytes[128] = 0x10;
  bytes[143] = 0x80;
  const regs = decodeRegs(bytes);
  assert.deepEqual([regs.rbx, regs.rip, regs.rflags, regs.rax], [0xbn, 0x10n, 1n << 63n, 0n]);
  assert.deepEqual(encodeRegs(regs), bytes);
});

test('any register file survives decoding and encoding', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: regsSizeBytes, maxLength: regsSizeBytes }), (bytes) => {
      assert.deepEqual(encodeRegs(decodeRegs(bytes)), bytes);
    }),
    { numRuns: 20 },
  );
});

test('special registers stand where KVM has them', () => {
  const bytes = new Uint8Array(sregsSizeBytes);
  bytes.set([0, 0, 0xff, 0xff], 0);
  bytes.set([0xff, 0xff, 0, 0, 0x10, 0x20, 0xb, 1, 2, 0, 1, 1, 1, 0, 0], 8);
  bytes.set([0x7f, 0], 200);
  bytes.set([0x11], 224);
  bytes.set([0x01, 0x0d], 264);
  bytes.set([0xaa], 280);
  const sregs = decodeSregs(bytes);
  assert.deepEqual(sregs.cs, {
    base: 0xffff_0000n,
    limit: 0xffff,
    selector: 0x2010,
    type: 11,
    present: 1,
    dpl: 2,
    db: 0,
    s: 1,
    l: 1,
    g: 1,
    avl: 0,
    unusable: 0,
  });
  assert.deepEqual([sregs.gdt, sregs.cr0, sregs.efer], [{ base: 0n, limit: 0x7f }, 0x11n, 0xd01n]);
  assert.equal(sregs.interruptBitmap[0], 0xaa);
  assert.deepEqual(encodeSregs(sregs), bytes);
});
