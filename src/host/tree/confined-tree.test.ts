import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { ConfinedTree } from './confined-tree.ts';

function directory(t: { after(undo: () => void): void }): string {
  const path = mkdtempSync(join(tmpdir(), 'dda-confined-'));
  t.after(() => rmSync(path, { recursive: true }));
  mkdirSync(join(path, 'copy/sys/devices/pci'), { recursive: true });
  writeFileSync(join(path, 'secret'), 'outside');
  return path;
}

test('links lead to places in the copy, never out of it', (t) => {
  const outer = directory(t);
  const root = join(outer, 'copy');
  writeFileSync(join(root, 'sys/devices/pci/vendor'), '0x8086\n');
  symlinkSync('devices', join(root, 'sys/relative'));
  symlinkSync('/sys/devices/pci', join(root, 'sys/absolute'));
  symlinkSync('../../../../../../secret', join(root, 'sys/climbing'));
  symlinkSync(join(outer, 'secret'), join(root, 'sys/elsewhere'));
  symlinkSync('loop', join(root, 'sys/loop'));
  const tree = new ConfinedTree(root);
  assert.equal(tree.text('/sys/absolute/vendor'), '0x8086');
  assert.equal(tree.real('/sys/absolute'), '/sys/devices/pci');
  assert.equal(tree.text('/sys/relative/pci/vendor'), '0x8086');
  assert.equal(tree.text('/sys/climbing'), undefined);
  assert.equal(tree.text('/sys/elsewhere'), undefined);
  assert.equal(tree.text('/sys/../../../secret'), undefined);
  assert.equal(tree.real('/sys/loop'), undefined);
  assert.equal(tree.link('/sys/loop'), 'loop');
});

test('what a terminal would obey is replaced, and what is too long is cut', (t) => {
  const root = join(directory(t), 'copy');
  writeFileSync(join(root, 'sys/name'), 'eth\u001b[2J0\n');
  writeFileSync(join(root, 'sys/\u0007bell'), '');
  writeFileSync(join(root, 'sys/long'), new Uint8Array(3 << 20));
  const tree = new ConfinedTree(root);
  assert.equal(tree.text('/sys/name'), 'eth?[2J0');
  assert.deepEqual(tree.list('/sys'), ['devices', 'long', 'name']);
  assert.equal(tree.bytes('/sys/long', 2 ** 30)?.length, 1 << 20);
  assert.equal(tree.bytes('/sys/long', 64)?.length, 64);
  assert.equal(tree.text('/sys/devices'), undefined);
});
