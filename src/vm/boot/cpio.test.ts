import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BootError } from './boot-error.ts';
import { writeCpio } from './cpio.ts';

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');
const header = (
  inode: string,
  mode: string,
  links: string,
  size: string,
  major: string,
  minor: string,
  name: string,
): string =>
  `070701${inode}${mode}0000000000000000${links}00000000${size}0000000000000000${major}${minor}${name}00000000`;
const TRAILER = `${header('00000000', '00000000', '00000001', '00000000', '00000000', '00000000', '0000000b')}TRAILER!!!\0\0\0\0`;

test('an empty archive is the trailer alone', () => {
  assert.equal(text(writeCpio([])), TRAILER);
});

test('a file: header, name and data each padded to 4 bytes', () => {
  const archive = writeCpio([{ kind: 'file', path: '/init', data: Buffer.from('hello'), mode: 0o755 }]);
  assert.equal(
    text(archive),
    `${header('00000001', '000081ed', '00000001', '00000005', '00000000', '00000000', '00000005')}init\0\0hello\0\0\0${TRAILER}`,
  );
});

test('directory, symbolic link and device nodes', () => {
  const archive = writeCpio([
    { kind: 'directory', path: 'dev' },
    { kind: 'character-device', path: 'dev/console', major: 5, minor: 1 },
    { kind: 'block-device', path: 'dev/vda', major: 254, minor: 0, mode: 0o660 },
    { kind: 'symlink', path: 'sh', target: 'busybox' },
  ]);
  assert.equal(
    text(archive),
    [
      `${header('00000001', '000041ed', '00000002', '00000000', '00000000', '00000000', '00000004')}dev\0\0\0`,
      `${header('00000002', '00002180', '00000001', '00000000', '00000005', '00000001', '0000000c')}dev/console\0\0\0`,
      `${header('00000003', '000061b0', '00000001', '00000000', '000000fe', '00000000', '00000008')}dev/vda\0\0\0`,
      `${header('00000004', '0000a1ff', '00000001', '00000007', '00000000', '00000000', '00000003')}sh\0\0\0\0busybox\0`,
      TRAILER,
    ].join(''),
  );
});

test('missing parents are added before the first child, and may be named later', () => {
  const given = writeCpio([
    { kind: 'file', path: 'a/b/c', data: Buffer.from('x') },
    { kind: 'directory', path: 'a/b' },
  ]);
  const spelledOut = writeCpio([
    { kind: 'directory', path: 'a' },
    { kind: 'directory', path: 'a/b' },
    { kind: 'file', path: 'a/b/c', data: Buffer.from('x') },
  ]);
  assert.deepEqual(given, spelledOut);
});

test('refuses paths that would escape or hide', () => {
  for (const path of ['', '/', '..', 'a/../b', './a', 'a//b', 'a\0b']) {
    assert.throws(
      () => writeCpio([{ kind: 'directory', path }]),
      (error) => error instanceof BootError && error.code === 'archive-entry',
      JSON.stringify(path),
    );
  }
});

test('refuses the same path twice', () => {
  const file = { kind: 'file', path: 'init', data: new Uint8Array(1) } as const;
  assert.throws(() => writeCpio([file, { ...file, path: '/init' }]), { code: 'archive-entry' });
});
