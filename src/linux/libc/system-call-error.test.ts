import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closeFile, openFile, OpenFlag } from './files.ts';
import { asSystemCallError, errnoName, SystemCallError } from './system-call-error.ts';

test('a refused call says what was asked, of what, and why', () => {
  assert.throws(() => openFile('/no/such/file', OpenFlag.readOnly), {
    name: 'SystemCallError',
    message: 'open /no/such/file: no such file or directory (ENOENT)',
    call: 'open',
    code: 'ENOENT',
    errno: 2,
    detail: '/no/such/file',
  });
  assert.throws(() => closeFile(999_999), { code: 'EBADF', call: 'close' });
});

test('errors that Node has no sentence for keep their name or number', () => {
  assert.equal(new SystemCallError(116, 'read').message, 'read: the kernel gave no other reason (ESTALE)');
  assert.equal(errnoName(4094), 'E4094');
});

test("Node's file-system errors become the same class, others are left alone", () => {
  const node = Object.assign(new Error('ENOENT: no such file'), { errno: -2, syscall: 'open', code: 'ENOENT' });
  const error = asSystemCallError(node, '/x');
  assert.ok(error instanceof SystemCallError);
  assert.deepEqual([error.call, error.code, error.detail], ['open', 'ENOENT', '/x']);
  const other = new RangeError('else');
  assert.equal(asSystemCallError(other, '/x'), other);
});
