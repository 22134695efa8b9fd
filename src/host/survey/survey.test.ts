import assert from 'node:assert/strict';
import test from 'node:test';
import { readFacts } from '../moves/host-facts.ts';
import { dismount } from '../moves/move.ts';
import { fakeHost } from '../testing/fake-host.ts';
import type { FakeHost } from '../testing/fake-host.ts';
import type { FunctionDescription, HostDescription } from '../testing/description.ts';
import { hostWithoutIommu, nvmeHost } from '../testing/hosts.ts';
import { surveyHost } from './survey.ts';

const bdf = '0000:01:00.0';

/** The verdict and the codes of the reasons, heaviest first. */
function look(host: FakeHost, name = bdf): { verdict: string; reasons: string[]; sentences: string[] } {
  const survey = surveyHost(readFacts(host)).find((candidate) => candidate.fn.name === name);
  assert.ok(survey !== undefined);
  return {
    verdict: survey.verdict,
    reasons: survey.reasons.map((reason) => `${reason.weight} ${reason.code}`),
    sentences: survey.reasons.map((reason) => reason.sentence),
  };
}

function lookAt(changes: Partial<FunctionDescription>, rest: Partial<HostDescription> = {}): ReturnType<typeof look> {
  return look(fakeHost(nvmeHost(changes, rest)));
}

test('an NVMe controller behind its own root port is assignable, for no reason against it', () => {
  assert.deepEqual(lookAt({}), { verdict: 'assignable', reasons: [], sentences: [] });
});

test('a bridge is a part of the machine', () => {
  const bridge = look(fakeHost(nvmeHost()), '0000:00:04.0');
  assert.deepEqual([bridge.verdict, bridge.reasons], ['not assignable', ['blocks machinery']]);
});

test('a card reader of class 08 is a device, an IOMMU of class 08 is not', () => {
  assert.equal(lookAt({ class: '080501' }).verdict, 'assignable');
  assert.equal(lookAt({ class: '080600' }).verdict, 'not assignable');
});

test('no reset: it could not be handed back clean, and the survey says so beforehand', () => {
  const survey = lookAt({ reset: 'absent' });
  assert.deepEqual([survey.verdict, survey.reasons], ['assignable with risk', ['risk no-reset']]);
  assert.match(survey.sentences[0] ?? '', /could not be handed back clean/);
});

test('a kernel that does not say how it resets', () => {
  const survey = lookAt({ reset: 'unsaid' });
  assert.deepEqual([survey.verdict, survey.reasons], ['assignable', ['note reset-unknown']]);
});

test('I/O ports only', () => {
  assert.deepEqual(lookAt({ bars: { 4: 'io 64' } }).reasons, ['blocks io-ports-only']);
});

test('I/O ports beside memory', () => {
  const survey = lookAt({ bars: { 0: 'io 64', 1: 'memory32 4096' } });
  assert.deepEqual([survey.verdict, survey.reasons], ['assignable', ['note io-ports-hidden']]);
});

test('a line interrupt only', () => {
  assert.deepEqual(lookAt({ msix: 0 }).reasons, ['blocks no-message-interrupts']);
});

test('MSI without MSI-X is enough', () => {
  assert.equal(lookAt({ msix: 0, msi: 4 }).verdict, 'assignable');
});

test('no interrupt at all is enough', () => {
  const survey = lookAt({ msix: 0, interruptPin: 0 });
  assert.deepEqual([survey.verdict, survey.reasons], ['assignable', ['note no-interrupts']]);
});

test('conventional PCI', () => {
  const survey = lookAt({ conventional: true });
  assert.deepEqual([survey.verdict, survey.reasons], ['assignable with risk', ['risk conventional-pci']]);
});

test('configuration space that only root may read', () => {
  const survey = lookAt({ readableConfigBytes: 64 });
  assert.deepEqual([survey.verdict, survey.reasons], ['assignable', ['note capabilities-unread']]);
});

test('no IOMMU', () => {
  assert.deepEqual(look(fakeHost(hostWithoutIommu())).reasons, ['blocks no-iommu']);
});

test('no IOMMU group for this function', () => {
  const functions = nvmeHost().functions.map((fn) => {
    const { group: _, ...rest } = fn;
    return fn.address === bdf ? rest : fn;
  });
  assert.deepEqual(look(fakeHost({ functions })).reasons, ['blocks no-iommu-group']);
});

test('a group made without an IOMMU', () => {
  assert.deepEqual(lookAt({}, { noIommuGroups: [5] }).reasons, ['blocks iommu-bypassed']);
});

test('memory reserved by firmware', () => {
  const reservedRegions = { 5: '0x00000000e0000000 0x00000000e0ffffff direct\n' };
  assert.deepEqual(lookAt({}, { reservedRegions }).reasons, ['blocks reserved-memory']);
});

const audio: FunctionDescription = {
  address: '0000:01:00.1',
  below: ['0000:00:04.0'],
  class: '040300',
  driver: 'snd_hda_intel',
  group: 5,
};

test('a group mate that can go along', () => {
  const survey = lookAt({}, { functions: [audio] });
  assert.deepEqual(
    [survey.verdict, survey.reasons],
    ['assignable with risk', ['risk group-mates', 'note shared-device']],
  );
});

test('a group mate that the host needs', () => {
  const disk: FunctionDescription = { ...audio, class: '010601', driver: 'ahci', disks: [{ name: 'sda' }] };
  const survey = lookAt({}, { functions: [disk], mounts: [{ source: '/dev/sda', at: '/' }] });
  assert.deepEqual(
    [survey.verdict, survey.reasons],
    ['not assignable', ['blocks group-mate-in-use', 'note shared-device']],
  );
});

test('a large group: the sentence stays readable', () => {
  const functions = Array.from({ length: 30 }, (_, index) => ({
    ...audio,
    address: `0000:02:${(index + 1).toString(16).padStart(2, '0')}.0`,
  }));
  const [sentence = ''] = lookAt({}, { functions }).sentences;
  assert.match(sentence, /0000:02:10\.0 and 14 more: they must be dismounted with it/);
});

test('a mounted file system', () => {
  const survey = lookAt({}, { mounts: [{ source: '/dev/nvme0n1p1', at: '/' }] });
  assert.deepEqual([survey.verdict, survey.reasons], ['not assignable', ['blocks in-use']]);
  assert.deepEqual(survey.sentences, ['/dev/nvme0n1p1 is mounted at / (ext4).']);
});

test('a network interface that is up is a note, not an obstacle', () => {
  const survey = lookAt({ class: '020000', driver: 'igb', interfaces: [{ name: 'eth1', up: true }] });
  assert.deepEqual([survey.verdict, survey.reasons], ['assignable', ['note in-light-use']]);
});

test('a physical function with virtual functions on', () => {
  const vf: FunctionDescription = { ...audio, driver: 'nvme', class: '010802', group: 6, physicalFunction: bdf };
  const host = fakeHost(nvmeHost({ totalVfs: 4, virtualFunctions: [vf.address] }, { functions: [vf] }));
  assert.deepEqual(look(host).reasons, ['blocks virtual-functions-on']);
  assert.equal(look(host, vf.address).verdict, 'assignable');
});

test('a dismounted function', async () => {
  const host = fakeHost(nvmeHost());
  await dismount(host, [bdf]);
  assert.deepEqual([look(host).verdict, look(host).reasons], ['assignable', ['note dismounted']]);
});

test('a function that a command borrowed and did not give back', async () => {
  const host = fakeHost(nvmeHost());
  await dismount(host, [bdf], { borrow: true });
  assert.deepEqual(look(host).reasons, ['note abandoned']);
});

test('a function that a process holds', () => {
  const processes = [{ id: 812, name: 'qemu', open: ['/dev/vfio/5'] }];
  const survey = lookAt({ driver: 'vfio-pci' }, { processes });
  assert.deepEqual([survey.verdict, survey.reasons], ['not assignable', ['blocks held', 'note dismounted']]);
});

test('an act that is stuck in the kernel', () => {
  const host = fakeHost(nvmeHost({}, { processes: [{ id: 99, name: 'dd', open: [] }] }));
  host.records.writeStuck({ function: bdf, processId: 99, startTicks: 990, intent: 'release it' });
  assert.deepEqual(look(host).reasons, ['blocks stuck']);
});
