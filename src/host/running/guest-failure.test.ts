import assert from 'node:assert/strict';
import test from 'node:test';
import type { CrashReport } from '../../hyperv/index.ts';
import { guestFailure } from './guest-failure.ts';

const report: CrashReport = {
  vp: 1,
  parameters: [1n, 0x8100n, 0xffffffff81000000n, 0n, 0n],
  message: '[    5.0] sysrq: Trigger a crash\n[    5.1] Kernel panic - not syncing: sysrq triggered crash\n',
};

test('ends that are nobody’s fault', () => {
  for (const kind of ['power-off', 'reset', 'stopped'] as const)
    assert.equal(guestFailure('web', { end: { kind }, crash: undefined }), undefined);
});

test('a panic, also of a guest that had to be stopped after it', () => {
  for (const end of [{ kind: 'panic', report }, { kind: 'stopped' }] as const) {
    const failure = guestFailure('web', { end, crash: report });
    assert.deepEqual([failure?.code, failure?.exitCode], ['guest-panicked', 8]);
    assert.match(failure?.message ?? '', /^Can't run the guest web on: the guest panicked: .*sysrq triggered crash\. /);
    assert.deepEqual(failure?.details, {
      name: 'web',
      vcpu: 1,
      parameters: ['0x1', '0x8100', '0xffffffff81000000', '0x0', '0x0'],
      message: report.message,
    });
  }
});

test('a triple fault and a KVM that gives up', () => {
  const fault = guestFailure('web', { end: { kind: 'triple-fault', vcpu: 2, rip: 0xabcn }, crash: undefined });
  assert.deepEqual([fault?.code, fault?.details], ['guest-triple-fault', { name: 'web', vcpu: 2, rip: '0xabc' }]);
  const stuck = guestFailure('web', { end: { kind: 'kvm-failure', vcpu: 0, detail: 'x' }, crash: undefined });
  assert.deepEqual([stuck?.code, stuck?.exitCode], ['guest-stuck', 8]);
});
