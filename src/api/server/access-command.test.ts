import assert from 'node:assert/strict';
import test from 'node:test';
import { commandOf } from './access.ts';

test('a command reads as it was typed', () => {
  assert.equal(commandOf(['/usr/bin/node', '--no-warnings', '/opt/dda/dist/cli/main.js', 'add', 'web']), 'dda add web');
  assert.equal(commandOf(['/usr/bin/node', '/usr/local/bin/dda', 'list']), 'dda list');
  assert.equal(
    commandOf(['/usr/bin/curl', '--unix-socket', '/run/dda/dda.sock', 'http://dda/']),
    'curl --unix-socket /run/dda/dda.sock http://dda/',
  );
  assert.equal(commandOf(['node']), 'node');
  assert.equal(commandOf([]), 'unknown');
});

test('it is short and holds nothing that a terminal would act on', () => {
  assert.equal(commandOf(['x\u001b[2J\n']), 'x?[2J?');
  assert.equal(commandOf(['x'.repeat(500)]).length, 200);
});
