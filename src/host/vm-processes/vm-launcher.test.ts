import assert from 'node:assert/strict';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readProcessStatus } from '../../linux/index.ts';
import { VM_USERS } from './vm-users.ts';
import { VmLauncher } from './vm-launcher.ts';

const timeout = 120_000;
const skip = process.getuid?.() === 0 ? false : 'only root may make namespaces';
const KILL = 9;

/** Says once a tenth of a second what it sees of files and processes. */
const PROGRAM = `
  const { readdirSync, writeSync } = require('node:fs');
  const seen = () => { try { return readdirSync('/').length; } catch (error) { return error.code; } };
  setInterval(() => writeSync(1, JSON.stringify({ files: seen(), pid: process.pid }) + '\\n'), 100);`;

test('a process in namespaces of its own, from which the file system is taken later', { timeout, skip }, async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'dda-launch-'));
  t.after(() => rmSync(directory, { recursive: true }));
  mkdirSync(join(directory, 'over'));
  const output = join(directory, 'output');
  const fd = openSync(output, 'w');
  const launcher = new VmLauncher();
  t.after(() => launcher.close());
  const own = readlinkSync('/proc/self/ns/mnt');
  const launched = await launcher.launch({
    program: process.execPath,
    args: ['-e', PROGRAM],
    userId: VM_USERS.first + VM_USERS.count - 1,
    descriptors: [fd, fd],
  });
  closeSync(fd);
  const { processId, handle, ended } = launched;
  t.after(() => {
    handle.signal(KILL);
    handle.close();
  });
  const said = async (wanted: string): Promise<void> => {
    while (!readFileSync(output, 'utf8').includes(wanted)) {
      assert.equal(handle.hasEnded, false, readFileSync(output, 'utf8'));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  await said('"pid":1}');
  assert.notEqual(readlinkSync(`/proc/${processId}/ns/mnt`), own);
  assert.equal(readProcessStatus(processId)?.effectiveCapabilities, 0n);
  assert.equal(readProcessStatus(processId)?.noNewPrivileges, true);
  await launcher.emptyRootOf(processId, join(directory, 'over'));
  await said('"files":0');
  assert.equal(readlinkSync('/proc/self/ns/mnt'), own, 'this process stayed where it was');
  assert.ok(readFileSync('/proc/self/status', 'utf8').includes('NoNewPrivs:\t0'), 'and as it was');
  handle.signal(KILL);
  assert.deepEqual(await ended, { exitCode: undefined, signal: 'SIGKILL' });
  const refused = launcher.launch({ program: '/nowhere', args: [], userId: 1, descriptors: [] });
  await assert.rejects(refused, /could not be executed: .*ENOENT/);
  await assert.rejects(launcher.emptyRootOf(processId, '/nowhere'), /could not be locked up: /);
});
