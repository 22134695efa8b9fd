import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Disk, functionName, openDisks } from './disk.ts';
import { parseDisk } from './disk-file.ts';

const directory = mkdtempSync(join(tmpdir(), 'dda-disks-'));
after(() => rmSync(directory, { recursive: true }));

function file(name: string, sizeBytes: number): string {
  const path = join(directory, name);
  writeFileSync(path, '');
  truncateSync(path, sizeBytes);
  return path;
}

const use = (path: string, readOnly = false): Disk => new Disk({ path, readOnly }, 'disk0');

test('FILE and FILE,ro', () => {
  assert.deepEqual(parseDisk('/a,b.img'), { path: '/a,b.img', readOnly: false });
  assert.deepEqual(parseDisk('a.img,ro'), { path: 'a.img', readOnly: true });
  assert.deepEqual(parseDisk('a.img,ro,vfs=2'), { path: 'a.img', readOnly: true, virtualFunctions: 2 });
  for (const text of ['a.img,vfs=0', 'a.img,vfs=17']) assert.throws(() => parseDisk(text), { code: 'disk-malformed' });
});

test('a disk goes by its name, a function by its address', () => {
  assert.deepEqual(['disk0', 'disk12', '01:00.0'].map(functionName), ['disk0', 'disk12', '0000:01:00.0']);
  assert.throws(() => functionName('disk'), { code: 'pci-address-malformed' });
});

test('what is no disk', () => {
  const folder = join(directory, 'folder');
  mkdirSync(folder);
  for (const [path, code, words] of [
    [join(directory, 'nowhere'), 'file-unreadable', /ENOENT.*truncate -s 10G/],
    [folder, 'disk-malformed', /it is a directory/],
    ['/dev/null', 'disk-malformed', /no ordinary file/],
    [file('empty', 0), 'disk-malformed', /it is empty/],
    [file('odd', 1000), 'disk-malformed', /its 1000 bytes are no whole number of blocks of 512 bytes/],
  ] as const) {
    assert.throws(() => use(path), { code, message: words }, path);
  }
});

test('a file is one disk at a time; those that only read may share it', () => {
  const path = file('one', 4096);
  const disk = use(path);
  for (const readOnly of [false, true]) assert.throws(() => use(path, readOnly), { code: 'disk-in-use' });
  disk.close();
  disk.close();
});

test('readers share, a writer does not', () => {
  const path = file('shared', 4096);
  const readers = [use(path, true), use(path, true)];
  assert.throws(() => use(path), { code: 'disk-in-use' });
  for (const reader of readers) reader.close();
});

test('the same file twice in one VM, by whatever name, is refused, and none stays open', () => {
  const path = file('twice', 4096);
  const other = join(directory, 'other-name');
  symlinkSync(path, other);
  assert.throws(() => openDisks([parseDisk(`${path},ro`), parseDisk(`${other},ro`)]), {
    code: 'disk-in-use',
    message: /it is disk0 of the same VM already/,
  });
});

test('disks have names in order; each lending is a controller of the size of the file', () => {
  const disks = openDisks([parseDisk(file('a', 8192)), parseDisk(file('b', 512))]);
  assert.deepEqual(
    disks.map(({ name }) => name),
    ['disk0', 'disk1'],
  );
  const [first] = disks;
  assert.ok(first);
  const fn = first.createFunction('disk0', 3);
  assert.deepEqual([fn.name, fn.vectors.msix, fn.identity.baseClass], ['disk0', 4, 1]);
  fn.close();
  const wide = first.createFunction('disk0', 99);
  assert.equal(wide.vectors.msix, 17);
  wide.close();
  for (const disk of disks) disk.close();
  assert.equal(statSync(first.path).size, 8192);
});
