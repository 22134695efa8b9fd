import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { frontEndKinds } from './front-end.ts';
import { modelSteps } from './model-story.ts';

const RUN = join(import.meta.dirname, '../../scripts/run.mjs');
const MIB = 2 ** 20;

interface Ended {
  readonly exitCode: number | null;
  readonly output: string;
  readonly notices: string;
}

/** `npm run demo -- …` where set-up has brought nothing yet. */
function runDemo(args: readonly string[], temporary: string): Promise<Ended> {
  const env = { ...process.env, PATH: '/nowhere', TMPDIR: temporary, DDA_CACHE: join(temporary, 'cache') };
  const child = spawn(process.execPath, [RUN, 'demo', ...args], { stdio: ['ignore', 'pipe', 'pipe'], env });
  let [output, notices] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => void (output += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => void (notices += text));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (exitCode) => resolve({ exitCode, output, notices }));
  });
}

test('without QEMU: both front ends go through the whole life of a lent function, and it says what it is', async (t) => {
  const temporary = mkdtempSync(join(tmpdir(), 'dda-model-test-'));
  t.after(() => rmSync(temporary, { recursive: true }));
  const { exitCode, output, notices } = await runDemo(['--model', '--json'], temporary);
  assert.equal(exitCode, 0, notices);
  const lines = output.trimEnd().split('\n');
  assert.equal(lines.length, 1, 'standard output has the document alone');
  const { ok, model, guests, steps } = JSON.parse(lines[0] ?? '') as {
    readonly ok: boolean;
    readonly model: boolean;
    readonly guests: readonly Record<string, unknown>[];
    readonly steps: readonly { readonly guest: string; readonly name: string; readonly ms: number }[];
  };
  assert.deepEqual([ok, model], [true, true]);
  assert.deepEqual(
    guests.map(({ kind, vpciVersion, bytesWritten, bytesVerifiedInGuest, bytesVerifiedOnHost, reads, interrupts }) => [
      [kind, vpciVersion, bytesWritten, bytesVerifiedInGuest, bytesVerifiedOnHost],
      reads === interrupts,
    ]),
    frontEndKinds.map((kind) => [[kind, '1.4', 16 * MIB, 32 * MIB, 16 * MIB], true]),
  );
  assert.deepEqual(
    steps.map(({ guest, name }) => [guest, name]),
    frontEndKinds.flatMap((kind) => modelSteps.map((name) => [kind, name])),
  );
  for (const { ms } of steps) assert.ok(Number.isInteger(ms) && ms >= 0);
  assert.match(notices, /no QEMU, no KVM, no kernel of a guest/);
  assert.deepEqual(readdirSync(temporary), ['cache']);
  const brought = readdirSync(join(temporary, 'cache')).filter((name) => name !== 'compile-cache');
  assert.deepEqual(brought, [], 'neither Debian packages nor kernels');
});

test('the model takes no option of the real demo', async (t) => {
  const temporary = mkdtempSync(join(tmpdir(), 'dda-model-test-'));
  t.after(() => rmSync(temporary, { recursive: true }));
  const { exitCode, output, notices } = await runDemo(['--model', '--json', '--cpus', '2'], temporary);
  assert.equal(exitCode, 2);
  assert.match(notices, /unknown option '--cpus'/);
  const { ok, error } = JSON.parse(output) as { readonly ok: boolean; readonly error: { readonly code: string } };
  assert.deepEqual([ok, error.code], [false, 'usage']);
});
