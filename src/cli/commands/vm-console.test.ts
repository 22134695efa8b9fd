import assert from 'node:assert/strict';
import test from 'node:test';
import type { ConsolePort } from '../console-port.ts';
import { type ConsoleMode, GuestKeyboard } from './vm-console.ts';

/** A keyboard and what came of it. */
function keyboard(mode: ConsoleMode, isTerminal: boolean) {
  const seen = { typed: '', interrupts: 0, listening: false };
  let press: (bytes: Uint8Array) => void = () => undefined;
  let end = (): void => undefined;
  const port: ConsolePort = {
    isTerminal,
    write: () => undefined,
    flushed: () => Promise.resolve(),
    listen: (typed, ended) => {
      seen.listening = true;
      [press, end] = [typed, ended];
      return () => {
        seen.listening = false;
      };
    },
    interrupt: () => {
      seen.interrupts += 1;
    },
  };
  const guest = new GuestKeyboard(port, mode);
  return {
    seen,
    guest,
    press: (text: string) => press(Buffer.from(text, 'latin1')),
    end: () => end(),
    connect: () =>
      guest.connect((bytes) => {
        seen.typed += Buffer.from(bytes).toString('latin1');
      }),
  };
}

test('Ctrl-C ends the VM; what stands before it is typed, what follows is not', () => {
  const { seen, press, connect } = keyboard('host', true);
  connect();
  press('ls\r');
  press('ab\x03cd');
  assert.deepEqual([seen.typed, seen.interrupts], ['ls\rab', 1]);
});

test("with the guest's console Ctrl-C is the guest's, and Ctrl-] ends the VM", () => {
  const { seen, press, connect } = keyboard('guest', true);
  connect();
  press('\x03');
  press('\x1d');
  assert.deepEqual([seen.typed, seen.interrupts], ['\x03', 1]);
});

test('in a pipe they are bytes like any other', () => {
  const { seen, press, connect } = keyboard('host', false);
  connect();
  press('\x03\x1d\n');
  assert.deepEqual([seen.typed, seen.interrupts], ['\x03\x1d\n', 0]);
});

test('after the end of a pipe Ctrl-D is typed whenever the guest has become quiet', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { seen, guest, press, end, connect } = keyboard('host', false);
  connect();
  press('ls\n');
  guest.printed();
  t.mock.timers.tick(1000);
  assert.equal(seen.typed, 'ls\n');
  end();
  t.mock.timers.tick(1000);
  assert.equal(seen.typed, 'ls\n\x04');
  t.mock.timers.tick(10_000);
  assert.equal(seen.typed, 'ls\n\x04');
  for (let burst = 0; burst < 20; burst++) {
    guest.printed();
    t.mock.timers.tick(50);
  }
  assert.equal(seen.typed, 'ls\n\x04');
  t.mock.timers.tick(1000);
  assert.equal(seen.typed, 'ls\n\x04\x04');
  guest.printed();
  guest.close();
  t.mock.timers.tick(1000);
  assert.equal(seen.typed, 'ls\n\x04\x04');
});

test('what is typed before there is a guest waits for it', () => {
  const { seen, press, connect } = keyboard('host', false);
  press('early ');
  press('bird');
  assert.equal(seen.typed, '');
  connect();
  assert.equal(seen.typed, 'early bird');
});

test('Ctrl-C works before there is a guest', () => {
  const { seen, press } = keyboard('host', true);
  press('\x03');
  assert.equal(seen.interrupts, 1);
});

test('nothing is listened to without input, nor after the end', () => {
  assert.equal(keyboard('off', true).seen.listening, false);
  const { seen, guest } = keyboard('host', true);
  assert.equal(seen.listening, true);
  guest.close();
  assert.equal(seen.listening, false);
});
