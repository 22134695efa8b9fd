import assert from 'node:assert/strict';
import test from 'node:test';
import { judgeReadiness } from './readiness.ts';
import type { ReadinessFacts } from './readiness.ts';

const fine: ReadinessFacts = {
  kernelRelease: '6.1.0-43-amd64',
  guests: { runs: true, extension: 'vmx' },
  iommuGroups: 20,
  processorVendor: 'intel',
  vfio: 'loadable',
  isRoot: true,
  lockableBytes: 8 * 2 ** 20,
  groupObstacle: undefined,
  assignable: ['0000:01:00.0'],
  functionCount: 30,
};

function states(changes: Partial<ReadinessFacts>): Record<string, string> {
  return Object.fromEntries(
    judgeReadiness({ ...fine, ...changes })
      .filter((check) => check.state !== 'ready')
      .map((check) => [check.code, `${check.state}: ${check.sentence} → ${check.remedy ?? ''}`]),
  );
}

test('a machine that has everything', () => {
  assert.deepEqual(states({}), {});
  assert.equal(judgeReadiness(fine).length, 8);
});

test('a kernel from before MSR filters', () => {
  assert.match(
    states({ kernelRelease: '5.4.0-100-generic' })['kernel'] ?? '',
    /^missing: Linux 5\.4\.0-100-generic is too old/,
  );
  assert.deepEqual(states({ kernelRelease: '5.10.0' }), {});
});

test('a KVM that runs no guests', () => {
  const sentence = '/dev/kvm opens, but there is neither VMX nor SVM.';
  assert.match(
    states({ guests: { runs: false, sentence } })['kvm'] ?? '',
    /^missing: \/dev\/kvm opens, .*npm run demo/,
  );
});

test('no IOMMU: what to do depends on the processor', () => {
  assert.match(states({ iommuGroups: 0 })['iommu'] ?? '', /intel_iommu=on/);
  assert.match(states({ iommuGroups: 0, processorVendor: 'amd' })['iommu'] ?? '', /AMD-Vi/);
});

test('no vfio-pci', () => {
  assert.match(states({ vfio: 'absent' })['vfio'] ?? '', /^missing: .*no vfio-pci driver/);
});

test('not root: little memory to lock is missing, enough is limited', () => {
  assert.deepEqual(Object.keys(states({ isRoot: false })), ['rights', 'memlock']);
  assert.match(states({ isRoot: false })['memlock'] ?? '', /^missing: Only 8 MiB can be locked/);
  assert.match(states({ isRoot: false, lockableBytes: 4 * 2 ** 30 })['memlock'] ?? '', /^limited: 4096 MiB/);
  assert.equal(states({ isRoot: false, lockableBytes: Infinity })['memlock'], undefined);
});

test('no control groups: a limit of what is, nothing that is missing', () => {
  const groupObstacle = { obstacle: '/sys/fs/cgroup can only be read here.', remedy: 'Run it on the host.' };
  assert.match(
    states({ groupObstacle })['groups'] ?? '',
    /^limited: .* hold them to all limits: \/sys\/fs\/cgroup can only be read here\. → Run it on the host\.$/,
  );
});

test('nothing to lend', () => {
  assert.match(states({ assignable: [] })['functions'] ?? '', /^missing: None of the 30 PCI functions/);
});
