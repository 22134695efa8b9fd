import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventFd } from './eventfd.ts';
import { FdSocket } from './fd-socket.ts';
import { isCloseOnExec } from './libc/files.ts';
import { countOpenFiles } from './procfs.ts';
import { SharedMemory } from './shared-memory.ts';

test('messages keep their bounds and bring open descriptors', () => {
  const [one, other] = FdSocket.pair();
  const event = EventFd.create();
  const memory = SharedMemory.create('passed', 4096);
  assert.equal(other.receive(), undefined);
  assert.equal(one.send(Uint8Array.of(1, 2, 3), [event.fd, memory.fd]), true);
  assert.equal(one.send(Uint8Array.of(4)), true);
  const first = other.receive();
  assert.ok(first !== undefined && first !== 'closed');
  assert.deepEqual([...first.payload], [1, 2, 3]);
  const [eventFd, memoryFd] = first.fds;
  assert.ok(eventFd !== undefined && memoryFd !== undefined && first.fds.length === 2);
  assert.equal(isCloseOnExec(eventFd), true);
  const received = EventFd.fromFd(eventFd);
  received.signal();
  assert.equal(event.drain(), 1n);
  const window = SharedMemory.fromFd(memoryFd, 4096);
  new Uint8Array(window.buffer, 0, 1)[0] = 77;
  assert.equal(new Uint8Array(memory.buffer, 0, 1)[0], 77);
  const second = other.receive();
  assert.ok(second !== undefined && second !== 'closed');
  assert.deepEqual([[...second.payload], second.fds], [[4], []]);
  for (const thing of [received, event, window, memory, one, other]) thing.close();
});

test('the end of the connection is told from silence', () => {
  const [one, other] = FdSocket.pair();
  assert.throws(() => one.send(new Uint8Array(0)), RangeError);
  one.send(Uint8Array.of(1));
  one.close();
  assert.deepEqual(other.receive(), { payload: Uint8Array.of(1), fds: [] });
  assert.equal(other.receive(), 'closed');
  assert.throws(() => other.send(Uint8Array.of(1)), { code: 'EPIPE' });
  other.close();
});

test('a message beyond the bound is refused and leaves no descriptor behind', () => {
  const [one, other] = FdSocket.pair(16);
  const before = countOpenFiles();
  one.send(new Uint8Array(17), [one.fd, one.fd]);
  assert.throws(() => other.receive(), { code: 'fd-message-too-long' });
  assert.equal(countOpenFiles(), before);
  one.send(new Uint8Array(16));
  assert.notEqual(other.receive(), undefined, 'the next message is whole');
  one.close();
  other.close();
});

test('a full socket says so', () => {
  const [one, other] = FdSocket.pair();
  const payload = new Uint8Array(60_000);
  let sent = 0;
  while (one.send(payload)) sent += 1;
  assert.equal(sent > 0, true);
  for (let i = 0; i < sent; i++) assert.notEqual(other.receive(), undefined);
  assert.equal(other.receive(), undefined);
  assert.equal(one.send(payload), true);
  one.close();
  other.close();
});

test('the event loop is told of messages and of the end', async () => {
  const [one, other] = FdSocket.pair();
  const seen: string[] = [];
  await new Promise<void>((resolve) => {
    other.onReadable(() => {
      const message = other.receive();
      if (message === 'closed') {
        other.close();
        resolve();
      } else if (message !== undefined) {
        seen.push(new TextDecoder().decode(message.payload));
        one.close();
      }
    });
    one.send(new TextEncoder().encode('hello'));
  });
  assert.deepEqual(seen, ['hello']);
});
