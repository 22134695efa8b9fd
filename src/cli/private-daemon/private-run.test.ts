import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ScriptedManager, served } from '../../api/testing/index.ts';
import { fakeHost, machineDescription } from '../../host/testing/index.ts';
import { tinyBzImage } from '../../vm/testing/index.ts';
import type { ConsolePort } from '../console-port.ts';
import { type CliResult, runCli } from '../testing/run-cli.ts';

const memoryDaemon = fileURLToPath(new URL('../testing/memory-daemon.ts', import.meta.url));
const nvme = '0000:01:00.0';
const unresettable = '0000:04:00.0';

/** Somebody at a pipe. */
class Typist implements ConsolePort {
  readonly isTerminal = false;
  shown = '';
  #typed = '';
  #listener: ((bytes: Uint8Array) => void) | undefined;

  type(text: string): void {
    if (this.#listener === undefined) this.#typed += text;
    else this.#listener(Buffer.from(text));
  }

  write(bytes: Uint8Array): void {
    this.shown += Buffer.from(bytes).toString();
  }

  flushed(): Promise<void> {
    return Promise.resolve();
  }

  listen(typed: (bytes: Uint8Array) => void): () => void {
    this.#listener = typed;
    if (this.#typed !== '') typed(Buffer.from(this.#typed));
    return () => undefined;
  }

  interrupt(): void {
    assert.fail('nobody pressed a key');
  }
}

interface Bench {
  readonly typist: Typist;
  readonly run: (...args: string[]) => Promise<CliResult>;
  /** What is left of private daemons. */
  readonly left: () => string[];
}

function bench(t: TestContext, program: readonly string[] = [process.execPath, memoryDaemon]): Bench {
  const directory = mkdtempSync(join(tmpdir(), 'dda-run-'));
  const { TMPDIR } = process.env;
  process.env['TMPDIR'] = directory;
  t.after(() => {
    if (TMPDIR === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = TMPDIR;
    rmSync(directory, { recursive: true });
  });
  const [kernel, initrd] = [join(directory, 'vmlinuz'), join(directory, 'initrd')];
  writeFileSync(kernel, tinyBzImage());
  writeFileSync(initrd, 'cpio');
  const typist = new Typist();
  const guest = ['--kernel', kernel, '--kaslr', '--initrd', initrd, '--name', 'web'];
  const run = (...args: string[]): Promise<CliResult> =>
    runCli(
      fakeHost(machineDescription()),
      ['vm', 'run', '--private-daemon', ...guest, ...args],
      {},
      '/nonexistent',
      '/nonexistent/dda.sock',
      typist,
      program,
    );
  return { typist, run, left: () => readdirSync(directory).filter((name) => name.startsWith('dda-private-')) };
}

test('a VM in a daemon of the command: lent, at the console, and started anew after a reset, and everything home in the end', async (t) => {
  const { typist, run, left } = bench(t);
  const running = run('--device', '01:00.0', '--on-reset', 'restart', '--json');
  await until(() => typist.shown.includes('"lent"'));
  typist.type('reset\n');
  await until(() => /"restarted".*"lent"/s.test(typist.shown));
  typist.type('exit\n');
  await running;
  const events = typist.shown
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.deepEqual(
    events.map(({ event, ok }) => event ?? ok),
    ['started', 'lent', 'console', 'restarted', 'lent', 'console', 'notice', 'ended', true],
  );
  const { reason, restarts, exits } = events.at(-2) ?? {};
  assert.deepEqual([reason, restarts, exits], ['power-off', 1, null]);
  assert.deepEqual([events[1]?.['function'], events[6]?.['text']], [nvme, `Gave ${nvme} back to the host.`]);
  assert.deepEqual([events[2]?.['text'], events[5]?.['text']], ['you typed reset\n', 'you typed exit\n']);
  assert.deepEqual(left(), []);
});

test('a signal ends the VM, and everything is home before the command ends', async (t) => {
  const { typist, run, left } = bench(t);
  const running = run('--device', '01:00.0');
  typist.type('hello\n');
  await until(() => typist.shown.includes('hello'));
  process.kill(process.pid, 'SIGTERM');
  const { exitCode, notices } = await running;
  assert.equal(exitCode, 130, notices);
  assert.match(notices, /^VM web: 6\.1\.0-tiny, 1 CPU, 2048 MiB; SIGINT ends it$/m);
  assert.match(notices, /^SIGTERM: ending, and giving the functions back …$/m);
  assert.match(notices, /^Gave 0000:01:00\.0 back to the host\.$/m);
  assert.deepEqual(left(), []);
});

test('a panic is told in the words of the guest, and what can not go home with what gives it back', async (t) => {
  const { typist, run, left } = bench(t);
  const running = run('--device', unresettable);
  typist.type('panic\n');
  const { exitCode, notices } = await running;
  assert.equal(exitCode, 6, notices);
  assert.match(notices, /the guest says that it has crashed; the end of its log:\nKernel panic/);
  assert.match(
    notices,
    /error \[functions-left\]: Can't give everything back to the host: 0000:04:00\.0 is in quarantine \(no-reset\).* dda mount 0000:04:00\.0\n$/,
  );
  assert.deepEqual(left(), []);
});

test('a daemon that is killed is started once more, to give back what it had', async (t) => {
  const { typist, run, left } = bench(t);
  const running = run('--device', '01:00.0');
  typist.type('die\n');
  const { exitCode, notices } = await running;
  assert.equal(exitCode, 6, notices);
  assert.match(
    notices,
    /^The private daemon ended before its time: it is started once more to give everything back\.$/m,
  );
  assert.match(notices, /^error \[daemon-unreachable\]/m);
  assert.deepEqual(left(), []);
});

test('a daemon that does not start tells why in its own words', async (t) => {
  const words = 'console.error("error [not-permitted]: Can\'t do that: no rights. Be root."); process.exit(7)';
  const { run, left } = bench(t, [process.execPath, '-e', words, '--']);
  const { exitCode, notices } = await run();
  assert.deepEqual([exitCode, notices], [7, "error [not-permitted]: Can't do that: no rights. Be root.\n"]);
  assert.deepEqual(left(), []);
});

test('a daemon that ends without a word', async (t) => {
  const { run, left } = bench(t, [process.execPath, '-e', 'process.exit(3)', '--']);
  const { exitCode, notices } = await run();
  assert.deepEqual([exitCode, left()], [6, []]);
  assert.match(notices, /\[private-daemon-failed\]: Can't let a private daemon start: it ended with exit code 3\./);
});

test('it is refused beside a daemon, and with settings that its VMs do not have', async (t) => {
  const { socketPath } = await served(t, new ScriptedManager());
  const { run } = bench(t);
  const conflict = await run('--vpci-version', '1.2', '--eject-deadline', '5s');
  assert.equal(conflict.exitCode, 2);
  assert.match(
    conflict.notices,
    /\[options-conflict\]: Can't use --vpci-version and --eject-deadline with --private-daemon/,
  );
  const host = fakeHost(machineDescription());
  const beside = await runCli(host, ['vm', 'run', '--private-daemon'], {}, '/nonexistent', socketPath);
  assert.equal(beside.exitCode, 4);
  assert.match(
    beside.notices,
    /\[daemon-running\]: Can't start a private daemon: .* dda vm create, dda add, dda vm console\./,
  );
});

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
}
