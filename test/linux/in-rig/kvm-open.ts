import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { Capability, countOpenFiles, Kvm, kvmRunsGuests, SharedMemory } from '../../../src/linux/index.ts';

test('this machine runs guests', () => {
  assert.deepEqual(kvmRunsGuests(), { runs: true, extension: 'svm' });
});

test('what is needed of KVM is there', () => {
  const kvm = Kvm.open();
  for (const name of [
    'irqchip',
    'userMemory',
    'syncRegs',
    'signalMsi',
    'readOnlyMemory',
    'immediateExit',
    'userSpaceMsr',
    'msrFilter',
    'x2apicApi',
    'irqRouting',
    'irqfd',
  ] as const) {
    assert.notEqual(kvm.checkExtension(Capability[name]), 0, name);
  }
  const leaves = kvm.supportedCpuid();
  assert.equal(
    leaves.some((leaf) => leaf.function === 1),
    true,
  );
  kvm.close();
});

test('a closed VM leaves nothing open, and its memory is given back', () => {
  const before = countOpenFiles();
  for (let round = 0; round < 20; round++) {
    const kvm = Kvm.open();
    const vm = kvm.createVm();
    const memory = SharedMemory.create('guest', 1 << 20);
    vm.setMemoryRegion({ slot: 0, gpa: 0, sizeBytes: memory.sizeBytes, hostAddress: memory.address });
    const vcpu = vm.createVcpu(0);
    vcpu.runPage.requestExit();
    assert.equal(vcpu.runPage.exitRequested, true);
    vcpu.close();
    assert.equal(vcpu.runPage.exitRequested, false, 'the run page is private zeroes now');
    vm.close();
    kvm.close();
    memory.close();
  }
  assert.equal(countOpenFiles(), before);
});

test('a user without permission is told so', () => {
  const linux = new URL('../../../src/linux/index.ts', import.meta.url).href;
  const source = `
    const { Kvm, kvmRunsGuests } = await import('${linux}');
    try { Kvm.open(); } catch (error) { console.log(error.code, kvmRunsGuests().code); }`;
  const nobody = ['--reuid=65534', '--regid=65534', '--clear-groups'];
  const child = spawnSync('setpriv', [...nobody, process.execPath, '--input-type=module', '-e', source], {
    encoding: 'latin1',
  });
  assert.equal(child.stdout, 'kvm-no-permission kvm-no-permission\n', child.stderr);
});
