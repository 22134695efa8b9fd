import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { dirname, extname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { runCommandLine } from '../../../src/cli/index.ts';
import { openHost, readReadiness } from '../../../src/host/index.ts';
import { kvmRunsGuests, linkName, list } from '../../../src/linux/index.ts';

/** The rig's two NVMe controllers, each behind a root port of its own. */
export const [first = '', second = ''] = list('/sys/bus/pci/devices').filter((bdf) => !bdf.startsWith('0000:00:'));

export function driverOf(bdf: string): string | undefined {
  return linkName(`/sys/bus/pci/devices/${bdf}/driver`);
}

export function groupOf(bdf: string): string {
  return linkName(`/sys/bus/pci/devices/${bdf}/iommu_group`) ?? '';
}

export interface CliRun {
  readonly exitCode: number;
  readonly output: string;
  readonly notices: string;
}

/** Runs a `dda` command on this machine, without the seconds that a Node of its own takes to start here. */
export async function dda(...args: string[]): Promise<CliRun> {
  let [output, notices, exitCode] = ['', '', 0];
  const terminal = {
    output: (text: string) => void (output += text),
    notices: (text: string) => void (notices += text),
    style: (_: string, text: string) => text,
    columns: undefined,
  };
  const setExitCode = (code: number): void => void (exitCode = code);
  const guests = {
    guestSupport: kvmRunsGuests,
    guestConsole: () => assert.fail('no guest here'),
    controlDirectory: '/run/dda/vms',
    daemonSocket: '/run/dda/dda.sock',
    program: [process.execPath],
  };
  const context = { ...guests, terminal, openHost, readReadiness, version: 'in the rig', setExitCode };
  await runCommandLine(context, args);
  return { exitCode, output, notices };
}

/** Another of these programs, as it is here: source, or bundled beside this one. */
export function programBeside(name: string): string {
  const here = new URL(import.meta.url).pathname;
  return join(dirname(here), `${name}${extname(here)}`);
}

/** Runs a program that must succeed. */
export function run(program: string, ...args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0)
    throw new Error(`${program} ${args.join(' ')}: ${error?.message ?? `exit code ${status}`}\n${stderr}`);
  return stdout;
}

/** The disk of a controller, once its driver has found it. */
export async function diskOf(bdf: string): Promise<string> {
  return until(`a disk of ${bdf}`, () => {
    const found = list('/sys/class/nvme').find((name) => linkName(`/sys/class/nvme/${name}/device`) === bdf);
    if (found === undefined) return undefined;
    // With a subsystem of its own the disk hangs there and the controller shows the path to it.
    const path = list(`/sys/class/nvme/${found}`).find((name) => /^nvme\d+(?:c\d+)?n\d+$/.test(name));
    return path?.replace(/c\d+/, '');
  });
}

export async function until<T>(what: string, look: () => T | undefined): Promise<T> {
  for (const deadline = performance.now() + 20_000; performance.now() < deadline; ) {
    const found = look();
    if (found !== undefined) return found;
    await sleep(50);
  }
  throw new Error(`${what} did not appear within 20 s`);
}

/** Starts a program that says "ready" when it holds what it is to hold. */
export async function startHolder(program: string, ...args: string[]): Promise<ChildProcess> {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'exit').then(() => Promise.reject(new Error(`${program} ended before it was ready`)));
  let said = '';
  child.stdout.setEncoding('utf8');
  while (!said.includes('ready')) {
    const [chunk] = (await Promise.race([once(child.stdout, 'data'), ended])) as [string];
    said += chunk;
  }
  ended.catch(() => undefined);
  return child;
}

/** Ends a holder, and waits until it has. */
export async function end(holder: ChildProcess, signal: NodeJS.Signals): Promise<unknown[]> {
  const ended = once(holder, 'exit');
  holder.kill(signal);
  return ended;
}
