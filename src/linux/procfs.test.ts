import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventFd } from './eventfd.ts';
import { signalProcess } from './libc/threads.ts';
import { countOpenFiles, parseProcessStatus, readProcessStatus } from './procfs.ts';

const status = [
  'Name:\tdda-vm',
  'State:\tD (disk sleep)',
  'Pid:\t812',
  'PPid:\t1',
  'Uid:\t65534\t65534\t65534\t65534',
  'Groups:\t7 108 ',
  'VmLck:\t       4 kB',
  'VmPin:\t 1048576 kB',
  'VmRSS:\t   51200 kB',
  'Threads:\t5',
  'CapEff:\t000001ffffffffff',
  'NoNewPrivs:\t1',
  '',
].join('\n');

test('a status file, in bytes', () => {
  assert.deepEqual(parseProcessStatus(status), {
    name: 'dda-vm',
    state: 'D',
    parentId: 1,
    userId: 65534,
    groups: [7, 108],
    effectiveCapabilities: 0x1ff_ffff_ffffn,
    noNewPrivileges: true,
    threads: 5,
    residentBytes: 51200 * 1024,
    pinnedBytes: 2 ** 30,
    lockedBytes: 4096,
  });
});

test('this process is there, a process that is not is undefined', () => {
  const own = readProcessStatus('self');
  assert.equal(own?.parentId, process.ppid);
  assert.deepEqual(readProcessStatus(process.pid)?.name, own?.name);
  assert.equal(signalProcess(process.pid, 0), true);
  const nobody = 2 ** 22 + 1;
  assert.equal(readProcessStatus(nobody), undefined);
  assert.equal(countOpenFiles(nobody), undefined);
  assert.equal(signalProcess(nobody, 0), false);
});

test('open descriptors are counted', () => {
  const before = countOpenFiles();
  assert.ok(before !== undefined);
  const event = EventFd.create();
  assert.equal(countOpenFiles(), before + 1);
  assert.equal(countOpenFiles(process.pid), before + 1);
  event.close();
  assert.equal(countOpenFiles(), before);
});
