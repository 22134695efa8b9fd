import assert from 'node:assert/strict';
import test from 'node:test';
import type { CrashReport } from '../../hyperv/index.ts';
import type { HostError } from '../errors.ts';
import { decodeCrash, guestFailure, reportedGuestFailure } from './guest-failure.ts';

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

test('the same of a VM in a process of its own, by what that said', () => {
  const said = (how: string, detail: string): HostError | undefined =>
    reportedGuestFailure('web', { how, detail }, undefined);
  assert.equal(said('power-off', 'the guest powered off'), undefined);
  assert.equal(said('stopped', 'the VM was stopped'), undefined);
  const detail = 'vCPU 2 ended in a triple fault at RIP 0xabc';
  assert.deepEqual(
    [said('triple-fault', detail)?.code, said('triple-fault', detail)?.obstacle],
    ['guest-triple-fault', `${detail}.`],
  );
  assert.equal(said('failed', 'out of memory')?.code, 'guest-stuck');
  assert.equal(reportedGuestFailure('web', undefined, undefined)?.code, 'vm-gone');
  const parameters = report.parameters.map((value) => `0x${value.toString(16)}`);
  const decoded = decodeCrash({ vp: 1, parameters, message: report.message });
  assert.deepEqual(decoded, report);
  const failure = reportedGuestFailure('web', { how: 'reset', detail: 'the guest asked for a reset' }, decoded);
  assert.deepEqual([failure?.code, failure?.details['parameters']], ['guest-panicked', parameters]);
  for (const nonsense of [undefined, 'panic', { vp: 1, parameters: ['0x1'] }])
    assert.equal(decodeCrash(nonsense), undefined);
});
