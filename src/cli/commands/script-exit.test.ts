import assert from 'node:assert/strict';
import test from 'node:test';
import { ScriptExit } from './script-exit.ts';

function exitCodeOf(...chunks: string[]): number | undefined {
  const exit = new ScriptExit();
  for (const chunk of chunks) exit.push(Buffer.from(chunk));
  return exit.exitCode;
}

test("the script's exit code, however its line comes", () => {
  assert.equal(exitCodeOf('hello\r\ndda-guest: exit 3\r\n'), 3);
  assert.equal(exitCodeOf('dda-guest: e', 'xit 12', '7\r', '\n[  1.0] reboot\r\n'), 127);
  assert.equal(exitCodeOf('dda-guest: exit 1\n', 'dda-guest: exit 0\n'), 0);
});

test('lines that only look like it', () => {
  for (const text of [
    'dda-guest: exit 3',
    'x dda-guest: exit 3\n',
    'dda-guest: exit\n',
    'dda-guest: exit 3 or so\n',
    'dda-guest: exit 3000\n',
  ])
    assert.equal(exitCodeOf(text), undefined, text);
});

test('a line without end costs no memory', () => {
  const exit = new ScriptExit();
  for (let count = 0; count < 1000; count++) exit.push(Buffer.alloc(1000, 'x'));
  exit.push(Buffer.from('\ndda-guest: exit 5\n'));
  assert.equal(exit.exitCode, 5);
});
