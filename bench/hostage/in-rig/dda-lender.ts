import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { GuestConsole } from '../../in-rig/guest-console.ts';
import type { Guest } from '../guests.ts';
import type { HostagePlan } from '../plan.ts';
import { ask, get, open } from './daemon-client.ts';
import { say } from './outside.ts';
import type { Borrower, Lender } from './side.ts';
import { untilBound, untilPresent } from './sysfs.ts';

const MIB = 1024 * 1024;
const START_TIMEOUT_MS = 60_000;
const HOME_TIMEOUT_MS = 60_000;
const POLL_MS = 50;

/** `dda serve` and its API. */
export class DdaLender implements Lender {
  readonly #plan: HostagePlan;
  readonly #daemon: ChildProcess;
  #said = '';
  #vmCount = 0;

  private constructor(plan: HostagePlan) {
    this.#plan = plan;
    const { NODE_COMPILE_CACHE: _, ...env } = process.env;
    this.#daemon = spawn(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', plan.program, 'serve', '--no-boot-rules'],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
        env,
      },
    );
    for (const stream of [this.#daemon.stdout, this.#daemon.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#said += text;
        if (plan.trace) say({ kind: 'step', text: `${Math.round(performance.now())} ${text.trim()}` });
      });
    }
  }

  static async start(plan: HostagePlan): Promise<DdaLender> {
    const lender = new DdaLender(plan);
    for (const end = performance.now() + START_TIMEOUT_MS; !lender.#said.includes('"ready"'); await delay(POLL_MS)) {
      if (performance.now() > end || lender.#daemon.exitCode !== null) {
        throw new Error(`dda serve does not come up:\n${lender.#said}`);
      }
    }
    return lender;
  }

  async prepare(): Promise<void> {
    const { lent } = this.#plan;
    await untilPresent(lent, HOME_TIMEOUT_MS);
    for (const end = performance.now() + HOME_TIMEOUT_MS; ; await delay(POLL_MS)) {
      const { state, present } = await get('GET', `/v1/functions/${lent}`);
      if (present === true && state === 'pool') return untilBound(lent, 'vfio-pci', HOME_TIMEOUT_MS);
      if (present === true && state === 'host') await get('POST', '/v1/dismount', { functions: [lent] });
      if (performance.now() > end)
        throw new Error(`${lent} does not come home: it is ${String(state)}\n${this.#tail()}`);
    }
  }

  async start(guest: Guest): Promise<Borrower> {
    const { lent, guest: files } = this.#plan;
    this.#vmCount += 1;
    const name = `${guest}-${this.#vmCount}`;
    const { processId } = await get('POST', '/v1/vms', {
      name,
      spec: {
        memoryBytes: files.memoryMib * MIB,
        cpuCount: 1,
        kernel: files.vmlinux,
        initramfs: files.initrd,
        commandLine: `${files.commandLine}${guest}`,
      },
    });
    const console = new GuestConsole(await open('GET', `/v1/vms/${name}/console`));
    return {
      console,
      processId: Number(processId),
      lend: async () => void (await get('POST', `/v1/vms/${name}/loans`, { function: lent })),
      takeBack: async (deadlineMs) => {
        const asked = await ask('DELETE', `/v1/vms/${name}/loans/${lent}?deadlineMs=${deadlineMs}&to=host`);
        // From a guest that panicked it is home already, in its pool.
        if (asked.status >= 400) await get('POST', '/v1/mount', { functions: [lent] });
        await untilBound(lent, 'nvme', HOME_TIMEOUT_MS);
      },
      end: async () => {
        const ended = await ask('POST', `/v1/vms/${name}/stop`, { force: true });
        if (ended.status >= 400 && ended.body['code'] !== 'no-such-vm') throw new Error(JSON.stringify(ended.body));
      },
      complaints: () => this.#tail(),
    };
  }

  async close(): Promise<void> {
    await get('POST', '/v1/mount', { functions: [this.#plan.lent] });
    const ended = once(this.#daemon, 'exit');
    this.#daemon.kill('SIGTERM');
    await ended;
  }

  #tail(): string {
    return this.#said.slice(-6000);
  }
}
