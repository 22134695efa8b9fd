import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { bootRig, REPOSITORY, unpackedKernel } from '../../rig/index.ts';
import { startableKernel } from '../../rig/kernels.ts';
import { bundle, bundleProduct } from '../../scripts/bundle.ts';
import { guestInitrd } from '../../src/vm/index.ts';
import { runTestFiles } from '../rig-tests.ts';
import { assertAgreement, dissect } from './wireshark.ts';

/** In the rig. */
const RESULTS = '/tmp/trace-results';

test("a real guest's start, traced live and for Wireshark, under the daemon and without one", async (t) => {
  const kernel = unpackedKernel('6.1');
  const programs = join(REPOSITORY, 'dist/test-trace');
  const initrd = join(programs, 'initrd');
  await bundleProduct(programs);
  await bundle('test/trace/in-rig/live-trace.ts', programs);
  writeFileSync(initrd, await guestInitrd({ modulesDirectory: kernel.modules, commandLine: '', drivers: ['nvme'] }));
  const results = mkdtempSync(join(tmpdir(), 'dda-trace-'));
  t.after(() => rmSync(results, { recursive: true }));
  {
    await using rig = await bootRig();
    const file = join(programs, 'live-trace.js');
    await runTestFiles(rig, [file], {
      timeoutMs: 1_200_000,
      testTimeoutMs: 600_000,
      env: {
        DDA_CLI: join(programs, 'main.js'),
        DDA_GUEST_VMLINUX: await startableKernel(kernel),
        DDA_GUEST_INITRD: initrd,
        DDA_RESULTS: RESULTS,
      },
    });
    for (const name of ['daemon.pcapng', 'daemon.jsonl', 'run.pcapng']) {
      const { stdout, exitCode, stderr } = await rig.run(['base64', '-w0', join(RESULTS, name)]);
      assert.equal(exitCode, 0, stderr);
      writeFileSync(join(results, name), Buffer.from(stdout, 'base64'));
    }
  }
  const live = readFileSync(join(results, 'daemon.jsonl'), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { readonly kind: string; readonly name?: string });
  const captured = capturedRecords(readFileSync(join(results, 'daemon.pcapng')));
  const dissected = dissect(join(results, 'daemon.pcapng'));
  assertAgreement(captured, dissected);
  // Two readers at once are told the same, save for what came before the later one.
  const names = dissected.map((packet) => packet.get('dda.message')?.[0]);
  const told = live.filter(({ kind }) => kind === 'record').map(({ name }) => name);
  const shared = Math.min(names.length, told.length);
  assert.ok(shared > 50);
  assert.deepEqual(names.slice(-shared), told.slice(-shared));

  const alone = join(results, 'run.pcapng');
  const whole = dissect(alone);
  assertAgreement(capturedRecords(readFileSync(alone)), whole);
  const heard = whole.map((packet) => packet.get('dda.message')?.[0]);
  for (const name of [
    'INITIATE_CONTACT',
    'VERSION_RESPONSE',
    'OFFERCHANNEL',
    'OPENCHANNEL',
    'QUERY_PROTOCOL_VERSION',
  ]) {
    assert.ok(heard.includes(name), `${name} is in a trace from the start`);
  }
  assert.equal(whole[0]?.get('dda.sequence')?.[0], '0x0000000000000000');
});

/** The records in a capture: the packets of its enhanced packet blocks. */
function capturedRecords(file: Uint8Array): Uint8Array[] {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const records: Uint8Array[] = [];
  for (let at = 0; at < file.byteLength; at += view.getUint32(at + 4, true)) {
    if (view.getUint32(at, true) !== 6) continue;
    records.push(file.subarray(at + 28, at + 28 + view.getUint32(at + 20, true)));
  }
  return records;
}
