import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { closedToOthers, checkProgramFiles } from './program-files.ts';
import { socketInode } from './socket-holder.ts';
import { freeVmUser, VM_USERS, vmUsersOfProcesses } from './vm-users.ts';

test('each VM gets the lowest user that no process has', () => {
  const { first, count } = VM_USERS;
  assert.equal(freeVmUser(new Set()), first);
  assert.equal(freeVmUser(new Set([first, first + 1, first + 3])), first + 2);
  const all = new Set(Array.from({ length: count }, (_, slot) => first + slot));
  assert.throws(() => freeVmUser(all), { code: 'vm-refused' });
  for (const userId of vmUsersOfProcesses()) assert.ok(userId >= first && userId < first + count);
});

test('a program that the user of a VM could not read is told before the start', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'dda-files-'));
  t.after(() => rmSync(directory, { recursive: true }));
  chmodSync(directory, 0o755);
  mkdirSync(join(directory, 'lib'));
  const file = join(directory, 'lib', 'program.js');
  writeFileSync(file, '');
  assert.equal(closedToOthers(file), undefined);
  chmodSync(file, 0o640);
  assert.equal(closedToOthers(file), file);
  chmodSync(join(directory, 'lib'), 0o700);
  assert.equal(closedToOthers(file), join(directory, 'lib'));
  assert.throws(() => checkProgramFiles('start the VM web', [file]), {
    code: 'vm-process-unreadable',
    message: `Can't start the VM web: its process runs as a user of its own, and ${directory}/lib is closed to that user; it needs ${file}. Install dda and Node where everybody may read, such as /usr/lib/dda, or open it: chmod o+rX ${directory}/lib`,
  });
});

test('the listening socket of a path, among others', () => {
  const table = [
    'Num       RefCount Protocol Flags    Type St Inode Path',
    '0000000000000000: 00000003 00000000 00000000 0005 03 4000 /run/dda/vm-processes/web.sock',
    '0000000000000000: 00000002 00000000 00010000 0005 01 4001 /run/dda/vm-processes/web.sock',
    '0000000000000000: 00000002 00000000 00010000 0001 01 4002 /run/dda/vm-processes/web.sock.old',
    '0000000000000000: 00000003 00000000 00000000 0001 03 4003',
  ].join('\n');
  assert.equal(socketInode(table, '/run/dda/vm-processes/web.sock'), 4001);
  assert.equal(socketInode(table, '/run/dda/vm-processes/mail.sock'), undefined);
});
