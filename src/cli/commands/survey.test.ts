import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import type { TestContext } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { fakeHost, nvmeHost } from '../../host/testing/index.ts';
import { runCli } from '../testing/run-cli.ts';

const machine = nvmeHost({ totalVfs: 4 }, { mounts: [{ source: '/dev/nvme0n1p1', at: '/srv' }] });

function scratch(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'dda-survey-'));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

for (const name of ['machine.json', 'machine.json.gz']) {
  test(`${name}: what was captured on one machine is surveyed on another`, async (t) => {
    const file = join(scratch(t), name);
    const written = await runCli(fakeHost(machine), ['survey', '--capture', file]);
    assert.equal(written.exitCode, 0, written.notices);
    assert.match(written.output, /: 2 functions in \d+ entries\. It is plain text/);
    const elsewhere = fakeHost({ functions: [] });
    for (const options of [['--json'], ['--reasons'], []]) {
      const there = await runCli(elsewhere, ['survey', '--from', file, ...options]);
      const here = await runCli(fakeHost(machine), ['survey', ...options]);
      assert.equal(there.output.replaceAll(/Red Hat, Inc\. /g, ''), here.output.replaceAll(/Red Hat, Inc\. /g, ''));
    }
  });
}

test('--capture says in JSON what it wrote, and packs what ends with .gz', async (t) => {
  const path = join(scratch(t), 'machine.json.gz');
  const { output } = await runCli(fakeHost(machine), ['survey', '--capture', path, '--json']);
  const { entries, ...rest } = JSON.parse(output) as { entries: number };
  assert.deepEqual(rest, { ok: true, path, functions: 2, hiddenProcesses: 0 });
  assert.equal(gunzipSync(readFileSync(path)).toString().split('\n').length, entries + 4);
});

test('one function of a captured machine, and one that it has not', async (t) => {
  const file = join(scratch(t), 'machine.json');
  await runCli(fakeHost(machine), ['survey', '--capture', file]);
  const found = await runCli(fakeHost(machine), ['survey', '--from', file, '01:00.0']);
  assert.match(found.output, /is mounted at \/srv \(ext4\)\. \[in-use\]/);
  assert.match(found.output, / {2}SR-IOV {6}0 of 4 virtual functions/);
  const missing = await runCli(fakeHost(machine), ['survey', '--from', file, '09:00.0']);
  assert.deepEqual([missing.exitCode, missing.output], [3, '']);
  assert.match(missing.notices, /machine\.json has no PCI function 0000:09:00\.0/);
});

test('a mount point that would command the terminal is shown, not obeyed', async () => {
  const { output } = await runCli(fakeHost(nvmeHost({}, { mounts: [{ source: '/dev/nvme0n1p1', at: '/\\033[2J' }] })), [
    'survey',
    '--reasons',
  ]);
  assert.match(output, /is mounted at \/\?\[2J \(ext4\)/);
});

for (const [what, options, code, exitCode] of [
  ['a file that is there already', ['--capture', 'taken'], 'capture-not-written', 6],
  ['a directory that is not there', ['--capture', 'nowhere/x'], 'capture-not-written', 6],
  ['a capture of another machine', ['--capture', 'x', '--from', 'taken'], 'options-conflict', 2],
  ['a capture of one function', ['--capture', 'x', '01:00.0'], 'options-conflict', 2],
  ['no such file', ['--from', 'missing'], 'capture-unreadable', 3],
  ['a file that is none', ['--from', 'taken'], 'capture-malformed', 5],
  ['a packed file that is none', ['--from', 'broken.gz'], 'capture-malformed', 5],
  ['an empty directory', ['--from', 'empty'], 'capture-malformed', 5],
  ['a device', ['--from', '/dev/zero'], 'capture-malformed', 5],
] as const) {
  test(`refused: ${what}`, async (t) => {
    const place = scratch(t);
    writeFileSync(join(place, 'taken'), 'something else');
    writeFileSync(join(place, 'broken.gz'), new Uint8Array([0x1f, 0x8b, 8, 0, 1, 2, 3]));
    mkdirSync(join(place, 'empty'));
    const args = options.map((word) => (/^(?:-|\/|\d)/.test(word) ? word : join(place, word)));
    const { notices, ...result } = await runCli(fakeHost(machine), ['survey', ...args]);
    assert.equal(result.exitCode, exitCode);
    assert.ok(notices.includes(`[${code}]`), notices);
    assert.equal(readFileSync(join(place, 'taken'), 'utf8'), 'something else');
  });
}
