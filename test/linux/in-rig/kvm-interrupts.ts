import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventFd, ExitReason, firstFreeGsi, irqchipRoutes } from '../../../src/linux/index.ts';
import { assemble, at, TinyGuest } from './tiny-guest.ts';

const vector = 0x40;
const messageAddress = 0xfee0_0000n;
const localApic = 0xfee0_0000n;

/** A guest that turns its local APIC on, waits for interrupts for ever, counts them at `results` and reports each by port 0xe8. */
function waitingGuest(): TinyGuest {
  const guest = new TinyGuest(
    assemble(
      ['67 66 c7 86 f0 00 00 00 ff 01 00 00', 'mov dword [esi + 0xf0], 0x1ff'],
      ['e6 e9', 'out 0xe9, al'],
      ['fb', 'sti'],
      ['f4', 'wait: hlt'],
      ['eb fd', 'jmp wait'],
    ),
    (vm) => vm.createIrqchip(),
  );
  guest.put(
    at.handler,
    assemble(
      ['66 ff 06 00 20', 'inc dword [0x2000]'],
      ['67 66 c7 86 b0 00 00 00 00 00 00 00', 'mov dword [esi + 0xb0], 0'],
      ['e6 e8', 'out 0xe8, al'],
      ['cf', 'iret'],
    ),
  );
  guest.setHandler(vector, at.handler);
  // Real mode can't reach the APIC's registers unless the data segment is as large as the address space.
  const sregs = guest.vcpu.getSregs();
  guest.vcpu.setSregs({ ...sregs, ds: { ...sregs.ds, limit: 0xffff_ffff, g: 1 } });
  guest.vcpu.setRegs({ ...guest.vcpu.getRegs(), rsi: localApic });
  assert.equal(guest.run(), ExitReason.io);
  assert.equal(guest.vcpu.runPage.ioPort, 0xe9);
  return guest;
}

function expectInterrupt(guest: TinyGuest, count: number): void {
  assert.equal(guest.run(), ExitReason.io);
  assert.equal(guest.vcpu.runPage.ioPort, 0xe8);
  assert.equal(guest.word(at.results), count);
}

test('a message-signalled interrupt', () => {
  const guest = waitingGuest();
  assert.equal(guest.vm.signalMsi({ address: messageAddress, data: vector }), true);
  expectInterrupt(guest, 1);
  assert.equal(
    guest.vm.signalMsi({ address: messageAddress | (7n << 12n), data: vector }),
    false,
    'no processor has APIC id 7',
  );
  guest.close();
});

test('an eventfd, an interrupt route and no exit on the way', () => {
  const guest = waitingGuest();
  const event = EventFd.create();
  const gsi = firstFreeGsi;
  guest.vm.setGsiRouting([...irqchipRoutes(), { gsi, to: 'msi', address: messageAddress, data: vector }]);
  guest.vm.connectIrqfd(event.fd, gsi);
  event.signal();
  expectInterrupt(guest, 1);
  event.signal();
  expectInterrupt(guest, 2);
  assert.equal(event.drain(), 0n, 'the kernel took the signals');
  guest.vm.disconnectIrqfd(event.fd, gsi);
  event.signal();
  assert.equal(event.drain(), 1n, 'nobody takes them any more');
  guest.vm.irqLine(4, 1);
  guest.vm.irqLine(4, 0);
  event.close();
  guest.close();
});

test('routes are replaced while connected', () => {
  const guest = waitingGuest();
  const otherVector = 0x41;
  guest.setHandler(otherVector, at.handler + 0x100);
  guest.put(
    at.handler + 0x100,
    assemble(
      ['66 81 06 00 20 00 01 00 00', 'add dword [0x2000], 0x100'],
      ['67 66 c7 86 b0 00 00 00 00 00 00 00', 'mov dword [esi + 0xb0], 0'],
      ['e6 e8', 'out 0xe8, al'],
      ['cf', 'iret'],
    ),
  );
  const event = EventFd.create();
  const gsi = firstFreeGsi + 100;
  guest.vm.setGsiRouting([...irqchipRoutes(), { gsi, to: 'msi', address: messageAddress, data: vector }]);
  guest.vm.connectIrqfd(event.fd, gsi);
  event.signal();
  expectInterrupt(guest, 1);
  guest.vm.setGsiRouting([...irqchipRoutes(), { gsi, to: 'msi', address: messageAddress, data: otherVector }]);
  event.signal();
  expectInterrupt(guest, 0x101);
  event.close();
  guest.close();
});
