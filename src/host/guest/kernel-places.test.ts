import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { hostKernel, modulesOf } from './kernel-places.ts';

test("the host's own kernel and its modules, or which of them is missing", (t) => {
  const root = mkdtempSync(join(tmpdir(), 'dda-root-'));
  t.after(() => rmSync(root, { recursive: true }));
  const kernel = join(root, 'boot/vmlinuz-6.1.0');
  const modules = join(root, 'lib/modules/6.1.0');
  mkdirSync(modules, { recursive: true });
  assert.throws(() => hostKernel('6.1.0', root), { code: 'guest-kernel-missing', details: { missing: [kernel] } });
  mkdirSync(join(root, 'boot'));
  writeFileSync(kernel, '');
  assert.deepEqual(hostKernel('6.1.0', root), { kernel, modules });
  // Those of a package that is unpacked, not installed.
  assert.equal(modulesOf(kernel, '6.1.0'), modules);
});

test('modules that are nowhere, and a kernel that does not tell its version', () => {
  assert.throws(() => modulesOf('/nowhere/boot/vmlinuz', '1.2.3'), {
    code: 'guest-modules-missing',
    message: /neither in \/nowhere\/lib\/modules\/1\.2\.3 nor in \/lib\/modules\/1\.2\.3\./,
  });
  assert.throws(() => modulesOf('/nowhere/vmlinux', ''), { code: 'guest-modules-missing', message: /--modules DIR/ });
});
