import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { afterEach } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { runCommandLine } from '../../../src/cli/index.ts';
import { openHost, readReadiness } from '../../../src/host/index.ts';
import { kvmRunsGuests } from '../../../src/linux/index.ts';
import { type CliRun, driverOf, first, second } from '../../host/in-rig/rig-functions.ts';

export const cli = process.env['DDA_CLI'] ?? new URL('../../../src/cli/main.ts', import.meta.url).pathname;

/** A kernel, its modules and little memory. */
export const guest = [
  '--kernel',
  required('DDA_GUEST_VMLINUX'),
  '--modules',
  required('DDA_GUEST_MODULES'),
  '--memory',
  '384M',
];
/** The same with an initramfs that is ready, and has a shell. */
export const readyGuest = [...guest.slice(0, 2), '--initrd', required('DDA_GUEST_INITRD'), '--memory', '384M'];
/** As the distribution ships it. */
export const bzImage = required('DDA_GUEST_KERNEL');

function required(name: string): string {
  return process.env[name] ?? assert.fail(`${name} is not set`);
}

export function guestScript(name: string, text: string): string {
  const path = `/tmp/${name}`;
  writeFileSync(path, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  return path;
}

/** Waits in the guest for the disk of its controller. */
export const waitForDisk =
  'n=0; while [ ! -b /dev/nvme0n1 ] && [ $n -lt 600 ]; do usleep 50000; n=$((n+1)); done; [ -b /dev/nvme0n1 ] || exit 44';

const underWay = new Set<VmProcess>();

/** What a failed test leaves must not stand in the way of the next one. */
afterEach(async () => {
  for (const vm of underWay) {
    vm.child.kill('SIGTERM');
    await vm.ended;
  }
});

/** `dda vm run` under way. */
export class VmProcess {
  readonly child: ChildProcess;
  output = '';
  notices = '';
  readonly ended: Promise<number | null>;

  /** `argv`: instead of dda itself, what starts it. */
  constructor(args: readonly string[], argv: readonly string[] = [process.execPath, cli, 'vm', 'run', ...args]) {
    const [program = '', ...words] = argv;
    this.child = spawn(program, words, { stdio: 'pipe', cwd: '/' });
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.output += text;
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.notices += text;
    });
    underWay.add(this);
    this.ended = once(this.child, 'close').then(([code]) => {
      underWay.delete(this);
      return code as number | null;
    });
  }

  /**
   * Waits until the text has come, on either stream, or on the console that comes in pieces with --json; gives where on standard
   * output to look from next.
   */
  async says(pattern: RegExp, from = 0): Promise<number> {
    const isOver = this.ended.then(() => 'over' as const);
    for (const deadline = performance.now() + 400_000; performance.now() < deadline; ) {
      const found = pattern.exec(this.output.slice(from));
      if (found !== null) return from + found.index + found[0].length;
      if (pattern.test(this.notices) || pattern.test(this.consoleText())) return this.output.length;
      if ((await Promise.race([isOver, sleep(50)])) === 'over' && !pattern.test(this.output.slice(from) + this.notices))
        break;
    }
    return assert.fail(`${pattern} did not come:\n${this.output}\n--- stderr\n${this.notices}`);
  }

  /** Types a line into the guest's console. */
  type(line: string): void {
    this.child.stdin?.write(`${line}\n`);
  }

  /** JSON lines on standard output that have come whole; none without `--json`. */
  events(): Record<string, unknown>[] {
    return this.output
      .split('\n')
      .slice(0, -1)
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  /** What it failed with, `--json` being given. */
  failure(): { readonly code: string; readonly message: string } {
    const [last] = this.events().slice(-1);
    assert.equal(last?.['ok'], false, this.output);
    return last['error'] as { code: string; message: string };
  }

  /** The console, `--json` being given. */
  consoleText(): string {
    return this.events()
      .map((event) => (event['event'] === 'console' ? String(event['text']) : ''))
      .join('');
  }
}

/** Runs a `dda` command in this process; the console of a guest goes to `output`, and nobody types. */
export async function ddaWithConsole(...args: string[]): Promise<CliRun> {
  let [output, notices, exitCode] = ['', '', 0];
  const terminal = {
    output: (text: string) => void (output += text),
    notices: (text: string) => void (notices += text),
    style: (_: string, text: string) => text,
    columns: undefined,
  };
  const console = {
    isTerminal: false,
    write: (bytes: Uint8Array) => void (output += Buffer.from(bytes).toString()),
    flushed: () => Promise.resolve(),
    listen: () => () => undefined,
    interrupt: () => assert.fail('nobody types'),
  };
  await runCommandLine(
    {
      terminal,
      openHost,
      readReadiness,
      guestSupport: kvmRunsGuests,
      guestConsole: () => console,
      controlDirectory: '/run/dda/vms',
      daemonSocket: '/run/dda/dda.sock',
      program: [process.execPath],
      version: 'in the rig',
      setExitCode: (code) => void (exitCode = code),
    },
    args,
  );
  return { exitCode, output, notices };
}

/** Nothing is left half done: the drivers are back, no record, no socket. */
export function assertAllHome(): void {
  assert.deepEqual([driverOf(first), driverOf(second)], ['nvme', 'nvme']);
  for (const directory of ['/run/dda/dismounted', '/run/dda/vms']) {
    assert.deepEqual(existsSync(directory) ? readdirSync(directory) : [], [], directory);
  }
}
