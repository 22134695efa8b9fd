import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AgentClient, OutputStream, RigCommand } from './agent-client.ts';
import type { ExitReport } from './agent-protocol.ts';
import { REPOSITORY } from './paths.ts';
import type { RigDevice } from './qemu-arguments.ts';
import { plugArguments } from './qemu-arguments.ts';
import type { QemuProcess } from './qemu-process.ts';
import type { QmpClient } from './qmp-client.ts';
import { RigError, RigErrorCode, noSuchDevice } from './rig-error.ts';

export interface StartOptions {
  /** Where in the rig; the checkout by default. */
  readonly cwd?: string;
  /** Added to the rig's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Output as it comes. */
  readonly onOutput?: (stream: OutputStream, bytes: Uint8Array) => void;
  /** Run it on a terminal of this size. */
  readonly terminal?: { readonly rows: number; readonly columns: number };
}

export interface RunOptions extends StartOptions {
  /** After this the command's process group is killed and {@link Rig.run} throws. Default: {@link DEFAULT_TIMEOUT_MS}. */
  readonly timeoutMs?: number;
  /** Its whole standard input; empty by default. */
  readonly input?: Uint8Array | string;
}

export interface RunResult {
  /** As a shell reports it: 128 + the signal's number when a signal ended the command. */
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Standard output as it was, for what is not text. */
  readonly stdoutBytes: Uint8Array;
}

export const DEFAULT_TIMEOUT_MS = 300_000;
const DEFAULT_UNPLUG_MS = 30_000;
/** Registers that say nothing of where a processor is. */
const FLOATING_POINT = /^(FPR|FCW|XMM|YMM|DR)/;
const LOOK_APART_MS = 200;
/** QEMU holds a key for 100 ms; the kernel then prints. */
const SYSRQ_MS = 3_000;

export interface RigParts {
  readonly qemu: QemuProcess;
  readonly monitor: QmpClient;
  readonly agent: AgentClient;
  readonly devices: readonly RigDevice[];
}

/** A booted rig. Commands may run one after another and side by side. */
export class Rig implements AsyncDisposable {
  readonly #parts: RigParts;

  constructor(parts: RigParts) {
    this.#parts = parts;
    void parts.qemu.ended.then((reason) =>
      parts.agent.fail(new RigError(RigErrorCode.died, `${reason}\n--- console\n${tail(this.console())}`)),
    );
  }

  /** QEMU's process id. */
  get pid(): number {
    return this.#parts.qemu.pid;
  }

  /** Ids that {@link plug} and {@link unplug} take. */
  get deviceIds(): string[] {
    return this.#parts.devices.map(({ id }) => id);
  }

  /** Starts a command and leaves it under way. */
  start(argv: readonly string[], options: StartOptions = {}): RigCommand {
    const { cwd = REPOSITORY, env = {}, terminal, onOutput = () => undefined } = options;
    return this.#parts.agent.start({ argv, cwd, env, ...(terminal === undefined ? {} : { terminal }) }, onOutput);
  }

  /**
   * Runs a command to its end. A non-zero exit code is a result, not an error.
   * @throws RigError `rig-command-not-started`, `rig-command-timeout` (with what it had printed), `rig-died`.
   */
  async run(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    const output: Record<OutputStream, Uint8Array[]> = { stdout: [], stderr: [] };
    const command = this.start(argv, {
      ...options,
      onOutput: (stream, bytes) => {
        output[stream].push(bytes);
        options.onOutput?.(stream, bytes);
      },
    });
    if (options.input !== undefined) command.write(options.input);
    command.endInput();
    const text = (stream: OutputStream): string => Buffer.concat(output[stream]).toString();
    const { exitCode, signal } = await this.#inTime(command, argv, options.timeoutMs ?? DEFAULT_TIMEOUT_MS, text);
    return {
      exitCode: exitCode ?? signalExitCode(signal),
      stdout: text('stdout'),
      stderr: text('stderr'),
      stdoutBytes: Buffer.concat(output.stdout),
    };
  }

  async #inTime(
    command: RigCommand,
    argv: readonly string[],
    timeoutMs: number,
    text: (stream: OutputStream) => string,
  ): Promise<ExitReport> {
    if (timeoutMs === Number.POSITIVE_INFINITY) return command.ended;
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      command.signal('SIGKILL');
      const printed = `--- stdout\n${tail(text('stdout'))}\n--- stderr\n${tail(text('stderr'))}\n--- console\n${tail(this.console())}`;
      reject(
        new RigError(
          RigErrorCode.commandTimeout,
          `'${argv.join(' ')}' had not ended in the rig after ${timeoutMs} ms and was killed.\n${printed}`,
        ),
      );
    }, timeoutMs);
    // A command that ends after its time is nobody's any more.
    command.ended.catch(() => undefined);
    try {
      return await Promise.race([command.ended, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * Plugs a device of this rig that {@link unplug} took out, or that was `absent` at boot. Settles when QEMU has it; the rig's
   * kernel finds it soon after.
   * @throws RigError `rig-no-such-device`, `rig-monitor-refused`.
   */
  async plug(deviceId: string): Promise<void> {
    await this.#parts.monitor.execute('device_add', plugArguments(this.#device(deviceId)));
  }

  /**
   * Asks the rig's kernel to let go of a device, as an administrator who presses the slot's button; settles when it has.
   * @throws RigError `rig-unplug-timeout` when the kernel still holds it after `timeoutMs` (the request stays: it may go later),
   * `rig-no-such-device`, `rig-monitor-refused`.
   */
  async unplug(deviceId: string, timeoutMs: number = DEFAULT_UNPLUG_MS): Promise<void> {
    this.#device(deviceId);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const stopListening = this.#parts.monitor.onEvent(({ event, data }) => {
      if (event === 'DEVICE_DELETED' && data['device'] === deviceId) resolve();
    });
    const giveUp = (): void =>
      reject(
        new RigError(
          RigErrorCode.unplugTimeout,
          `The rig's kernel had not let go of ${deviceId} after ${timeoutMs} ms. Something in the rig still holds it.`,
        ),
      );
    const timer = timeoutMs === Number.POSITIVE_INFINITY ? undefined : setTimeout(giveUp, timeoutMs);
    try {
      await Promise.all([this.#parts.monitor.execute('device_del', { id: deviceId }), promise]);
    } finally {
      clearTimeout(timer);
      stopListening();
    }
  }

  /**
   * Everything that can be seen from outside of a rig that does nothing any more, for a person to read: which code its processors
   * are in (three looks), whether they are halted, which interrupts wait, and, if its kernel still takes a key (it is the first interrupt
   * from outside, and may itself set things going), the tasks that are blocked and what the processors were at.
   */
  async describe(): Promise<string> {
    const looks = [`The agent has said nothing for ${Math.round(this.#parts.agent.silentForMs)} ms.`];
    for (let look = 0; look < 3; look++) {
      looks.push(await this.#ask('info registers -a'), await this.#ask('info lapic'));
      await sleep(LOOK_APART_MS);
    }
    const before = this.console().length;
    for (const key of ['w', 'l']) {
      await this.#ask(`sendkey alt-sysrq-${key}`);
      await sleep(SYSRQ_MS);
    }
    const answer = this.console().slice(before);
    const heard = answer === '' ? 'The kernel does not answer keys.' : `--- the kernel's answer to keys\n${answer}`;
    return [...looks, heard].join('\n');
  }

  async #ask(question: string): Promise<string> {
    const answer = await this.#parts.monitor.execute('human-monitor-command', { 'command-line': question });
    const lines = String(answer).split(/\r?\n/);
    return [`--- ${question}`, ...lines.filter((line) => !FLOATING_POINT.test(line))].join('\n');
  }

  /** What the rig's kernel has printed so far. */
  console(): string {
    return this.#parts.qemu.console();
  }

  /** Switches the rig off, at once. Commands under way end with `rig-died`. May be called twice. */
  async stop(): Promise<void> {
    this.#parts.qemu.kill();
    await this.#parts.qemu.ended;
    this.#parts.monitor.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #device(deviceId: string): RigDevice {
    const device = this.#parts.devices.find(({ id }) => id === deviceId);
    if (device !== undefined) return device;
    throw noSuchDevice(deviceId, this.deviceIds);
  }
}

function signalExitCode(signal: string | null): number {
  const number = Object.entries(constants.signals).find(([name]) => name === signal)?.[1];
  return 128 + (number ?? 0);
}

const tail = (text: string): string => text.slice(-4000);
