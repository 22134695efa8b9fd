import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ExitReason, Kvm, runVcpu, SharedMemory } from '../../../src/linux/index.ts';
import { assemble } from './tiny-guest.ts';

/** Intel SDM volume 3, 4.5 (4-level paging) and 2.2.1 (EFER). */
const present = 3n;
const largePage = 1n << 7n;
const paging = 0x8000_0001n;
const physicalAddressExtension = 1n << 5n;
const longModeActive = 0x500n;

const mib = 1024 * 1024;
const gib = 1024 * mib;

test('a 64-bit guest with memory above 4 GiB, and 8-byte MMIO', () => {
  const code = assemble(
    ['48 b8 88 77 66 55 44 33 22 11', 'mov rax, 0x1122334455667788'],
    ['48 bb 00 00 20 40 01 00 00 00', 'mov rbx, 0x140200000'],
    ['48 89 03', 'mov [rbx], rax'],
    ['48 c7 c1 00 00 00 40', 'mov rcx, 0x40000000'],
    ['48 89 01', 'mov [rcx], rax'],
    ['48 8b 51 08', 'mov rdx, [rcx + 8]'],
    ['e6 e8', 'out 0xe8, al'],
    ['f4', 'hlt'],
  );
  const low = SharedMemory.create('low', 2 * mib);
  // Of 5 GiB the guest touches one page; the rest costs nothing.
  const high = SharedMemory.create('high', 5 * gib);
  const words = new DataView(low.buffer, 0, low.sizeBytes);
  words.setBigUint64(0x1000, 0x2000n | present, true);
  for (let gigabyte = 0; gigabyte < 8; gigabyte++) {
    const directory = 0x3000 + gigabyte * 0x1000;
    words.setBigUint64(0x2000 + gigabyte * 8, BigInt(directory) | present, true);
    for (let i = 0; i < 512; i++) {
      words.setBigUint64(directory + i * 8, BigInt(gigabyte * gib + i * 2 * mib) | present | largePage, true);
    }
  }
  new Uint8Array(low.buffer, 0x10000, code.byteLength).set(code);

  const kvm = Kvm.open();
  const vm = kvm.createVm();
  vm.setTssAddr(0xfffb_d000);
  vm.setIdentityMapAddr(0xfffb_c000);
  vm.setMemoryRegion({ slot: 0, gpa: 0, sizeBytes: low.sizeBytes, hostAddress: low.address });
  vm.setMemoryRegion({ slot: 1, gpa: 4 * gib, sizeBytes: high.sizeBytes, hostAddress: high.address });
  const vcpu = vm.createVcpu(0);
  vcpu.setCpuid2(kvm.supportedCpuid());
  const sregs = vcpu.getSregs();
  const flat = { ...sregs.ds, base: 0n, limit: 0xffff_ffff, selector: 0x10, type: 3, s: 1, present: 1, db: 1, g: 1 };
  vcpu.setSregs({
    ...sregs,
    cs: { ...flat, selector: 8, type: 11, db: 0, l: 1 },
    ds: flat,
    es: flat,
    ss: flat,
    cr0: sregs.cr0 | paging,
    cr3: 0x1000n,
    cr4: physicalAddressExtension,
    efer: longModeActive,
  });
  vcpu.setRegs({ ...vcpu.getRegs(), rip: 0x10000n, rflags: 2n });

  const page = vcpu.runPage;
  assert.equal(runVcpu(vcpu.fd), 0);
  assert.equal(page.exitReason, ExitReason.mmio);
  assert.deepEqual([page.mmioIsWrite, page.mmioGpa, page.mmioSizeBytes], [true, 0x4000_0000, 8]);
  assert.equal(page.mmioValue64, 0x1122_3344_5566_7788n);
  const touched = new DataView(high.buffer, gib + 2 * mib, 8);
  assert.equal(touched.getBigUint64(0, true), 0x1122_3344_5566_7788n);
  assert.equal(runVcpu(vcpu.fd), 0);
  assert.deepEqual([page.exitReason, page.mmioIsWrite, page.mmioSizeBytes], [ExitReason.mmio, false, 8]);
  page.mmioValue64 = 0xfedc_ba98_7654_3210n;
  assert.equal(runVcpu(vcpu.fd), 0);
  assert.equal(page.exitReason, ExitReason.io);
  assert.equal(vcpu.getRegs().rdx, 0xfedc_ba98_7654_3210n);
  assert.equal(vcpu.tscKhz() > 0, true);

  vcpu.close();
  vm.close();
  kvm.close();
  low.close();
  high.close();
});
