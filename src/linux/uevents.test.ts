import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countOpenFiles } from './procfs.ts';
import { parseUevent, UeventSocket } from './uevents.ts';

const bytes = (...lines: string[]): Uint8Array => new TextEncoder().encode(lines.map((line) => `${line}\0`).join(''));

test('an event and its properties', () => {
  const event = parseUevent(
    bytes(
      'remove@/devices/pci0000:00/0000:00:02.0/0000:01:00.0',
      'ACTION=remove',
      'DEVPATH=/devices/pci0000:00/0000:00:02.0/0000:01:00.0',
      'SUBSYSTEM=pci',
      'PCI_SLOT_NAME=0000:01:00.0',
      'MODALIAS=pci:v=1',
      'SEQNUM=2211',
    ),
  );
  assert.deepEqual(
    [event?.action, event?.devicePath, event?.subsystem, event?.sequence],
    ['remove', '/devices/pci0000:00/0000:00:02.0/0000:01:00.0', 'pci', 2211],
  );
  assert.equal(event?.properties.get('PCI_SLOT_NAME'), '0000:01:00.0');
  assert.equal(event?.properties.get('MODALIAS'), 'pci:v=1');
});

test('what is no event of the kernel', () => {
  assert.equal(parseUevent(bytes('libudev', 'SUBSYSTEM=pci', 'SEQNUM=1')), undefined);
  assert.equal(parseUevent(bytes('@/devices/x', 'SUBSYSTEM=pci', 'SEQNUM=1')), undefined);
  assert.equal(parseUevent(bytes('add@/devices/x', 'SEQNUM=1')), undefined);
  assert.equal(parseUevent(bytes('add@/devices/x', 'SUBSYSTEM=pci')), undefined);
  assert.equal(parseUevent(new Uint8Array(0)), undefined);
});

test('the socket opens, has nothing to tell, and closes', () => {
  const before = countOpenFiles();
  const socket = UeventSocket.open();
  socket.onEvent(() => undefined).keepAlive(false);
  socket.close();
  assert.equal(countOpenFiles(), before);
});
