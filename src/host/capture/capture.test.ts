import assert from 'node:assert/strict';
import test from 'node:test';
import { parsePciIds, writeU32 } from '../../pci/index.ts';
import { buildTree } from '../testing/build-tree.ts';
import { nvmeHost } from '../testing/hosts.ts';
import { laptop } from '../testing/machines/laptop.ts';
import { lineInterruptCards } from '../testing/machines/line-interrupt-cards.ts';
import { serverWithAcs } from '../testing/machines/server-with-acs.ts';
import { sriovNic } from '../testing/machines/sriov-nic.ts';
import { parseCapture } from './capture-format.ts';
import { captureHost } from './capture-host.ts';
import { redactConfig } from './redact-config.ts';
import { Pseudonyms, redactText } from './redact-text.ts';

const ids = parsePciIds('');

function capture(machine: Parameters<typeof buildTree>[0]): string {
  return captureHost(buildTree(machine), ids, '1.2.3').text;
}

/** The document of the ordinary host with its entries changed. */
function changed(change: (entries: Record<string, unknown>) => void): ReturnType<typeof parseCapture> {
  const document = JSON.parse(capture(nvmeHost())) as { entries: Record<string, unknown> };
  change(document.entries);
  return parseCapture(JSON.stringify(document));
}

test('a capture is lines that a person can read', () => {
  const lines = capture(nvmeHost({ driver: 'nvme' })).split('\n');
  assert.match(lines[0] ?? '', /^\{"format":"dda-capture","version":1,"dda":"1\.2\.3",/);
  const path = '/sys/devices/pci0000:00/0000:00:04.0/0000:01:00.0';
  assert.ok(lines.includes(`"${path}/vendor":"0x1b36",`));
  assert.ok(lines.includes(`"/sys/bus/pci/devices/0000:01:00.0":{"link":"${path}"},`));
  assert.ok(lines.some((line) => line.startsWith(`"${path}/config":{"bytes":4096,"at":{"000":"361b1000`)));
});

test('nothing private is in it: no serial numbers, identifiers, addresses, files, options or foreign processes', () => {
  const foreign = { id: 777, name: 'secret-tool', open: ['/dev/input/event3', '/home/jane/secret.txt'] };
  const texts = [
    capture({ ...laptop, commandLine: 'root=UUID=1 luks.key=hunter2 intel_iommu=on' }),
    capture(serverWithAcs),
    capture({ ...sriovNic, processes: [...(sriovNic.processes ?? []), foreign] }),
    capture(lineInterruptCards),
  ].join('\n');
  assert.doesNotMatch(texts, /4b2f8d31|Secret|secret|hunter2|a5a5a5|0100A8C0|event3|relatime/);
  assert.match(texts, /luks-00000000-0000-0000-0000-000000000001/);
  assert.match(texts, /intel_iommu=on/);
  assert.match(texts, /qemu-system-x86/);
});

test('identifiers inside names get numbers, the same wherever they come again', () => {
  const pseudonyms = new Pseudonyms();
  assert.equal(pseudonyms.apply('/dev/enx001122aabbcc 00:11:22:aa:bb:cc'), '/dev/enx000000000001 00:00:00:00:00:01');
  assert.equal(
    pseudonyms.apply('luks--4B2F8D31--97a1--4c1e--8a53--2f6c6b1d9e70'),
    'luks--00000000--0000--0000--0000--000000000002',
  );
  assert.equal(pseudonyms.apply('0000:01:00.0 8086:1572'), '0000:01:00.0 8086:1572');
});

test('of the tables only what the survey looks at is kept', () => {
  const mounts =
    '25 1 8:2 / /home/a\\040b rw,noatime shared:1 - ext4 /dev/sda2 rw,data=x\n26 1 0:40 / /m rw - nfs srv:/x rw,addr=1';
  assert.equal(redactText('/proc/self/mountinfo', mounts), '0 0 8:2 / /home/a\\040b rw - ext4 /dev/sda2 rw');
  assert.equal(
    redactText('/proc/swaps', 'Filename Type\n/dev/sda3 partition 8 0 -2\n/home/jane/swap file 8 0 -3'),
    'Filename\n/dev/sda3 partition 0 0 0',
  );
  assert.equal(redactText('/sys/x/uevent', 'MAJOR=8\nDEVNAME=sda\nID_SERIAL=S3CR3T'), 'DEVNAME=sda');
});

test('configuration space keeps what the survey decodes, and the links to all the rest', () => {
  const config = new Uint8Array(4096).fill(0x77);
  config[0x06] = 0x10;
  config[0x34] = 0x40;
  config.set([0x03, 0x50], 0x40);
  config.set([0x11, 0x00], 0x50);
  writeU32(config, 0x100, 0x1401_0003);
  writeU32(config, 0x140, 0x0001_000d);
  const kept = redactConfig(config);
  const survivors = [...kept.entries()].filter(([at, byte]) => at >= 0x40 && byte === 0x77).map(([at]) => at);
  const range = (start: number, length: number): number[] => Array.from({ length }, (_, index) => start + index);
  assert.deepEqual(survivors, [...range(0x52, 10), ...range(0x144, 4)]);
});

for (const [what, code, change] of [
  ['a path that climbs', 'capture-malformed', (e) => (e['/sys/../etc/passwd'] = 'x')],
  ['a path elsewhere', 'capture-malformed', (e) => (e['/etc/passwd'] = 'x')],
  ['an overlong path', 'capture-malformed', (e) => (e[`/sys/${'a/'.repeat(600)}b`] = 'x')],
  ['a deep path', 'capture-malformed', (e) => (e[`/sys/${'a/'.repeat(60)}b`] = 'x')],
  ['control characters', 'capture-malformed', (e) => (e['/sys/x'] = '\u001b[2J')],
  ['a name with a slash', 'capture-malformed', (e) => (e['/sys/x'] = { names: ['a/b'] })],
  ['what no survey can have met', 'capture-malformed', (e) => (e['/proc/swaps'] = { denied: true })],
  ['a number', 'capture-malformed', (e) => (e['/sys/x'] = 7)],
  ['bytes beyond their end', 'capture-malformed', (e) => (e['/sys/x'] = { bytes: 16, at: { '010': 'ff' } })],
  ['too many bytes', 'capture-malformed', (e) => (e['/sys/x'] = { bytes: 1e9, at: {} })],
  ['an unknown kind', 'capture-malformed', (e) => (e['/sys/x'] = { device: [1, 3] })],
  [
    'no function',
    'capture-malformed',
    (e) =>
      delete e['/sys/bus/pci/devices'] &&
      Object.keys(e).forEach((key) => key.startsWith('/sys/bus/pci/devices') && delete e[key]),
  ],
  [
    'a huge group',
    'capture-too-large',
    (e) => (e['/sys/kernel/iommu_groups/5/devices'] = { names: Array.from({ length: 600 }, (_, n) => `d${n}`) }),
  ],
] as const satisfies readonly (readonly [string, string, (entries: Record<string, unknown>) => unknown])[]) {
  test(`refused: ${what}`, () => {
    const result = changed(change);
    assert.equal('code' in result ? result.code : 'read', code);
  });
}

test('refused: what is no capture at all, or of a later version', () => {
  const code = (text: string): string => {
    const result = parseCapture(text);
    return 'code' in result ? result.code : 'read';
  };
  assert.equal(code('not json'), 'capture-malformed');
  assert.equal(code('[]'), 'capture-malformed');
  assert.equal(code('{"format":"dda-capture","version":2,"entries":{}}'), 'capture-newer');
  assert.equal(code('{"format":"dda-capture","version":1}'), 'capture-malformed');
});

test('links that loop lead nowhere', () => {
  const tree = changed((entries) => {
    entries['/sys/a'] = { link: '/sys/b' };
    entries['/sys/b'] = { link: 'a' };
  });
  assert.ok('real' in tree);
  assert.equal(tree.real('/sys/a'), undefined);
});
