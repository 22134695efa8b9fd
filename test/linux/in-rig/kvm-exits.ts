import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  Capability,
  ExitReason,
  exitReasonName,
  MsrExitReason,
  SharedMemory,
  SyncRegs,
} from '../../../src/linux/index.ts';
import { assemble, at, TinyGuest } from './tiny-guest.ts';

function expectExit(guest: TinyGuest, reason: number): void {
  const seen = guest.run();
  assert.equal(exitReasonName(seen), exitReasonName(reason));
}

test('port I/O of each size, answered and repeated', () => {
  const guest = new TinyGuest(
    assemble(
      ['ba f8 03', 'mov dx, 0x3f8'],
      ['b0 41', 'mov al, 0x41'],
      ['ee', 'out dx, al'],
      ['b8 34 12', 'mov ax, 0x1234'],
      ['ef', 'out dx, ax'],
      ['66 b8 78 56 34 12', 'mov eax, 0x12345678'],
      ['66 ef', 'out dx, eax'],
      ['ec', 'in al, dx'],
      ['a2 00 20', 'mov [0x2000], al'],
      ['66 ed', 'in eax, dx'],
      ['66 a3 04 20', 'mov [0x2004], eax'],
      ['be 00 11', 'mov si, 0x1100'],
      ['b9 03 00', 'mov cx, 3'],
      ['fc', 'cld'],
      ['f3 6e', 'rep outsb'],
      ['f4', 'hlt'],
    ),
  );
  guest.put(at.data, Uint8Array.of(7, 8, 9));
  const page = guest.vcpu.runPage;
  for (const [sizeBytes, value] of [
    [1, 0x41],
    [2, 0x1234],
    [4, 0x12345678],
  ] as const) {
    expectExit(guest, ExitReason.io);
    assert.deepEqual([page.ioIsWrite, page.ioPort, page.ioSizeBytes, page.ioCount], [true, 0x3f8, sizeBytes, 1]);
    assert.equal(page.ioValue(), value);
  }
  expectExit(guest, ExitReason.io);
  assert.deepEqual([page.ioIsWrite, page.ioSizeBytes], [false, 1]);
  page.setIoValue(0x1a5);
  expectExit(guest, ExitReason.io);
  page.setIoValue(0xdeadbeef);
  const sent: number[] = [];
  let exit = guest.run();
  while (exit === ExitReason.io) {
    for (let i = 0; i < page.ioCount; i++) sent.push(page.ioValue(i));
    exit = guest.run();
  }
  assert.equal(exit, ExitReason.halt);
  assert.deepEqual(sent, [7, 8, 9]);
  assert.equal(guest.word(at.results), 0xa5);
  assert.equal(guest.word(at.results + 4), 0xdeadbeef);
  guest.close();
});

test('memory-mapped I/O where there is no memory', () => {
  const guest = new TinyGuest(
    assemble(
      ['c6 06 01 90 5a', 'mov byte [0x9001], 0x5a'],
      ['c7 06 02 90 ef be', 'mov word [0x9002], 0xbeef'],
      ['66 c7 06 04 90 0d f0 fe ca', 'mov dword [0x9004], 0xcafef00d'],
      ['66 a1 08 90', 'mov eax, [0x9008]'],
      ['66 a3 00 20', 'mov [0x2000], eax'],
      ['f4', 'hlt'],
    ),
  );
  const page = guest.vcpu.runPage;
  for (const [gpa, sizeBytes, value] of [
    [0x9001, 1, 0x5a],
    [0x9002, 2, 0xbeef],
    [0x9004, 4, 0xcafef00d],
  ] as const) {
    expectExit(guest, ExitReason.mmio);
    assert.deepEqual([page.mmioIsWrite, page.mmioGpa, page.mmioSizeBytes], [true, gpa, sizeBytes]);
    assert.equal(page.mmioValue, value);
    assert.equal(page.mmioValue64, BigInt(value));
  }
  expectExit(guest, ExitReason.mmio);
  assert.deepEqual([page.mmioIsWrite, page.mmioGpa, page.mmioSizeBytes], [false, 0x9008, 4]);
  page.mmioValue64 = 0x1_8765_4321n;
  expectExit(guest, ExitReason.halt);
  assert.equal(guest.word(at.results), 0x87654321);
  guest.close();
});

test('a read-only slot: reads stay inside, writes leave and change nothing', () => {
  const guest = new TinyGuest(
    assemble(
      ['66 a1 00 80', 'mov eax, [0x8000]'],
      ['66 a3 00 20', 'mov [0x2000], eax'],
      ['66 c7 06 00 80 11 11 11 11', 'mov dword [0x8000], 0x11111111'],
      ['66 a1 00 80', 'mov eax, [0x8000]'],
      ['66 a3 04 20', 'mov [0x2004], eax'],
      ['f4', 'hlt'],
    ),
  );
  const image = SharedMemory.create('image', 4096);
  const words = new DataView(image.buffer, 0, 4096);
  words.setUint32(0, 0x1b36_0010, true);
  guest.vm.setMemoryRegion({ slot: 1, gpa: at.ramEnd, sizeBytes: 4096, hostAddress: image.address, readOnly: true });
  expectExit(guest, ExitReason.mmio);
  const page = guest.vcpu.runPage;
  assert.deepEqual([page.mmioIsWrite, page.mmioGpa, page.mmioValue], [true, at.ramEnd, 0x11111111]);
  assert.equal(guest.word(at.results), 0x1b36_0010);
  words.setUint32(0, 0xffff_ffff, true);
  expectExit(guest, ExitReason.halt);
  assert.equal(guest.word(at.results + 4), 0xffff_ffff, 'what the host changed is what the next read gives');
  guest.vm.setMemoryRegion({ slot: 1, gpa: at.ramEnd, sizeBytes: 0, hostAddress: image.address });
  image.close();
  guest.close();
});

test('filtered MSRs leave to be answered, or fault', () => {
  const guest = new TinyGuest(
    assemble(
      ['66 b9 00 00 00 40', 'mov ecx, 0x40000000'],
      ['0f 32', 'rdmsr'],
      ['66 a3 00 20', 'mov [0x2000], eax'],
      ['66 89 16 04 20', 'mov [0x2004], edx'],
      ['66 b8 ef cd ab 89', 'mov eax, 0x89abcdef'],
      ['66 ba 67 45 23 01', 'mov edx, 0x01234567'],
      ['0f 30', 'wrmsr'],
      ['66 b9 01 00 00 40', 'mov ecx, 0x40000001'],
      ['0f 32', 'rdmsr'],
      ['f4', 'hlt'],
    ),
    (vm) => {
      vm.enableCap(Capability.userSpaceMsr, BigInt(MsrExitReason.filter | MsrExitReason.unknown));
      vm.setMsrFilter([{ base: 0x4000_0000, count: 0x1000 }]);
    },
  );
  const generalProtection = 13;
  guest.setHandler(generalProtection, at.handler);
  guest.put(at.handler, assemble(['c6 06 08 20 0d', 'mov byte [0x2008], 13'], ['f4', 'hlt']));
  const page = guest.vcpu.runPage;
  expectExit(guest, ExitReason.readMsr);
  assert.deepEqual([page.msrIndex, page.msrReason], [0x4000_0000, MsrExitReason.filter]);
  page.msrData = 0x1122_3344_5566_7788n;
  expectExit(guest, ExitReason.writeMsr);
  assert.equal(guest.word(at.results), 0x5566_7788);
  assert.equal(guest.word(at.results + 4), 0x1122_3344);
  assert.deepEqual([page.msrIndex, page.msrData], [0x4000_0000, 0x0123_4567_89ab_cdefn]);
  expectExit(guest, ExitReason.readMsr);
  assert.equal(page.msrIndex, 0x4000_0001);
  page.msrFault = true;
  expectExit(guest, ExitReason.halt);
  assert.equal(guest.view.getUint8(at.results + 8), generalProtection);
  guest.close();
});

test('synced registers carry a call in and its result out', () => {
  const guest = new TinyGuest(
    assemble(
      ['66 b9 11 00 00 00', 'mov ecx, 0x11'],
      ['66 ba 22 00 00 00', 'mov edx, 0x22'],
      ['e6 e8', 'out 0xe8, al'],
      ['66 a3 00 20', 'mov [0x2000], eax'],
      ['f4', 'hlt'],
    ),
  );
  assert.equal(guest.vm.checkExtension(Capability.syncRegs) & SyncRegs.regs, SyncRegs.regs);
  const page = guest.vcpu.runPage;
  page.syncOnExit = SyncRegs.regs | SyncRegs.sregs;
  expectExit(guest, ExitReason.io);
  assert.deepEqual([page.reg('rcx'), page.reg('rdx')], [0x11n, 0x22n]);
  assert.deepEqual(page.sregs(), guest.vcpu.getSregs());
  page.setReg('rax', 0x7fff_0002n);
  page.loadOnEntry = SyncRegs.regs;
  expectExit(guest, ExitReason.halt);
  assert.equal(guest.word(at.results), 0x7fff_0002);
  guest.close();
});

test('a guest sees the CPUID leaves it was given', () => {
  const guest = new TinyGuest(
    assemble(
      ['66 b8 00 00 00 40', 'mov eax, 0x40000000'],
      ['0f a2', 'cpuid'],
      ['66 89 1e 00 20', 'mov [0x2000], ebx'],
      ['66 89 0e 04 20', 'mov [0x2004], ecx'],
      ['f4', 'hlt'],
    ),
  );
  guest.vcpu.setCpuid2([
    { function: 0, index: 0, flags: 0, eax: 1, ebx: 0, ecx: 0, edx: 0 },
    {
      function: 0x4000_0000,
      index: 0,
      flags: 0,
      eax: 0x4000_0005,
      ebx: 0x7263_694d,
      ecx: 0x666f_736f,
      edx: 0x7648_2074,
    },
  ]);
  expectExit(guest, ExitReason.halt);
  assert.deepEqual([guest.word(at.results), guest.word(at.results + 4)], [0x7263_694d, 0x666f_736f]);
  guest.close();
});

test('a triple fault is an exit', () => {
  const guest = new TinyGuest(assemble(['0f 0b', 'ud2']));
  const sregs = guest.vcpu.getSregs();
  guest.vcpu.setSregs({ ...sregs, idt: { base: 0n, limit: 0 } });
  expectExit(guest, ExitReason.shutdown);
  guest.close();
});

test('special registers come back as they were set', () => {
  const guest = new TinyGuest(assemble(['f4', 'hlt']));
  const before = guest.vcpu.getSregs();
  const gdt = { base: 0xffff_8000_0000_1000n, limit: 0x7f };
  guest.vcpu.setSregs({ ...before, gdt, cr2: 0x1234_5678_9abcn });
  const after = guest.vcpu.getSregs();
  assert.deepEqual(after, { ...before, gdt, cr2: 0x1234_5678_9abcn });
  const regs = guest.vcpu.getRegs();
  guest.vcpu.setRegs({ ...regs, r15: 0xffff_ffff_ffff_fffen });
  assert.deepEqual(guest.vcpu.getRegs(), { ...regs, r15: 0xffff_ffff_ffff_fffen });
  guest.vcpu.setMsrs([{ index: 0x277, data: 0x0007_0406_0007_0406n }]);
  assert.deepEqual(guest.vcpu.getMsrs([0x277]), [0x0007_0406_0007_0406n]);
  assert.throws(() => guest.vcpu.getMsrs([0x277, 0x7fff_0000]), { code: 'kvm-msr-refused', message: /0x7fff0000/ });
  guest.close();
});
