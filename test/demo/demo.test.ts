import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { demoSteps } from '../../src/host/index.ts';

const DEMO = join(import.meta.dirname, '../../rig/demo.ts');

interface Ended {
  readonly exitCode: number | null;
  readonly lines: readonly string[];
  readonly notices: string;
}

interface Demo {
  readonly ended: Promise<Ended>;
  kill(signal: NodeJS.Signals): void;
}

interface DemoWatch {
  /** Hears of progress. */
  readonly onNotices?: (soFar: string) => void;
  /** Where it keeps temporary files. */
  readonly temporary?: string;
}

/** What `npm run demo -- …` runs once everything is set up. */
function startDemo(
  args: readonly string[],
  { onNotices = () => undefined, temporary = tmpdir() }: DemoWatch = {},
): Demo {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', DEMO, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, TMPDIR: temporary },
  });
  let [output, notices] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => void (output += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    notices += text;
    onNotices(notices);
  });
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (exitCode) => resolve({ exitCode, lines: output.trimEnd().split('\n'), notices }));
  });
  return { ended, kill: (signal) => child.kill(signal) };
}

function lastLine({ lines }: Ended): Record<string, unknown> {
  return JSON.parse(lines.at(-1) ?? '') as Record<string, unknown>;
}

describe('the demo', { timeout: 600_000 }, () => {
  test('lends an NVMe controller to a guest and finds on it what the guest wrote', async () => {
    const ended = await startDemo(['--json', '--cpus', '2']).ended;
    assert.equal(ended.exitCode, 0, ended.notices);
    assert.equal(ended.lines.length, 1, 'standard output has the document alone');
    const { guestKernel, interrupts, steps, ...rest } = lastLine(ended);
    assert.deepEqual(rest, {
      ok: true,
      cpus: 2,
      function: '0000:01:00.0',
      bytesWritten: 16 * 1024 ** 2,
      bytesVerifiedOnHost: 16 * 1024 ** 2,
      userspaceExitsPerIo: 0,
    });
    assert.match(String(guestKernel), /^6\.1\.\d+-\d+-amd64$/);
    assert.ok(Number(interrupts) >= 2000, `one read at a time, so one interrupt a read: ${String(interrupts)}`);
    const times = steps as readonly { readonly name: string; readonly ms: number }[];
    assert.deepEqual(
      times.map(({ name }) => name),
      demoSteps,
    );
    for (const step of times) assert.ok(Number.isInteger(step.ms) && step.ms >= 0, JSON.stringify(step));
    // KVM counted for itself, and not only nothing.
    assert.match(ended.notices, /KVM's own tracepoint counted 0/);
    assert.match(ended.notices, /descriptors of KVM and VFIO still open here: 0/);
    assert.match(ended.notices, /hypervisor Microsoft Hyper-V, VMBus version 5\.3/);
  });

  test('a signal ends it in order: the guest is stopped, the controller given back, the host gone', async (t) => {
    const temporary = mkdtempSync(join(tmpdir(), 'dda-demo-test-'));
    t.after(() => rmSync(temporary, { recursive: true }));
    let isKilled = false;
    const onNotices = (notices: string): void => {
      if (isKilled || !/^hot-add/m.test(notices)) return;
      isKilled = true;
      demo.kill('SIGTERM');
    };
    const demo = startDemo(['--json'], { onNotices, temporary });
    const ended = await demo.ended;
    assert.equal(ended.exitCode, 130, ended.notices);
    const { ok, error, steps } = lastLine(ended);
    assert.equal(ok, false);
    assert.equal((error as { code: string }).code, 'interrupted');
    assert.deepEqual((steps as { name: string }[]).map(({ name }) => name).slice(0, 5), [
      'boot-rig',
      'survey',
      'dismount',
      'boot-guest',
      'hot-add',
    ]);
    assert.match(ended.notices, /Gave 0000:01:00\.0 back to the host/);
    assert.deepEqual(readdirSync(temporary), []);
  });

  test('a device that is not there is a refusal before anything has begun', async () => {
    const ended = await startDemo(['--json', '--device', '0000:7f:1f.7', '--erase']).ended;
    assert.equal(ended.exitCode, 3);
    const { ok, error, steps } = lastLine(ended);
    assert.deepEqual([ok, (error as { code: string }).code, steps], [false, 'no-such-function', []]);
    assert.match((error as { message: string }).message, /^Can't lend 0000:7f:1f\.7: this host has no PCI function/);
  });

  test('on this machine nothing is overwritten without --erase', async () => {
    const ended = await startDemo(['--json', '--device', '0000:7f:1f.7']).ended;
    assert.equal(ended.exitCode, 2);
    assert.equal((lastLine(ended)['error'] as { code: string }).code, 'demo-needs-consent');
  });

  test('a wrong option is told as such, as JSON too', async () => {
    const ended = await startDemo(['--json', '--cpus', 'many']).ended;
    assert.equal(ended.exitCode, 2);
    const { ok, error, steps } = lastLine(ended);
    assert.deepEqual([ok, (error as { code: string }).code, steps], [false, 'usage', []]);
    assert.match(ended.notices, /'--cpus <N>' argument 'many' is invalid/);
  });
});
