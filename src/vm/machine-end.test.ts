import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CrashReport } from '../hyperv/index.ts';
import { describeEnd, type MachineEnd } from './machine-end.ts';

function panic(message?: string): MachineEnd {
  const report: CrashReport = {
    vp: 0,
    parameters: [0n, 0n, 0n, 0n, 0n],
    ...(message === undefined ? {} : { message }),
  };
  return { kind: 'panic', report };
}

test('each end is told in a sentence', () => {
  const told: [MachineEnd, string][] = [
    [{ kind: 'power-off' }, 'the guest powered off'],
    [{ kind: 'reset' }, 'the guest asked for a reset'],
    [{ kind: 'stopped' }, 'the VM was stopped'],
    [{ kind: 'triple-fault', vcpu: 1, rip: 0xfff0n }, 'vCPU 1 ended in a triple fault at RIP 0xfff0'],
    [
      { kind: 'kvm-failure', vcpu: 0, detail: 'KVM_RUN failed with errno 14' },
      'KVM could not run vCPU 0 on: KVM_RUN failed with errno 14',
    ],
  ];
  for (const [end, text] of told) assert.equal(describeEnd(end), text);
});

test("a panic is told by the kernel's own line, or the first there is", () => {
  assert.equal(describeEnd(panic()), 'the guest panicked');
  assert.equal(describeEnd(panic('\n \n')), 'the guest panicked: ');
  assert.equal(
    describeEnd(panic('[1.0] dying\n[1.1] Kernel panic - not syncing: why\n[1.2] CPU: 0')),
    'the guest panicked: [1.1] Kernel panic - not syncing: why',
  );
  assert.equal(describeEnd(panic('\nfirst words\nand others')), 'the guest panicked: first words');
});
