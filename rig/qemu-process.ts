import { spawn } from 'node:child_process';
import { closeSync, fstatSync, openSync, readSync, rmSync } from 'node:fs';

/**
 * One QEMU and the directory of its run. However this process ends, by `exit`, by an exception or by SIGKILL, QEMU ends
 * with it: it runs under a parent-death signal. (The kernel counts the *thread* as the parent: boot rigs from the main one.)
 */
export class QemuProcess {
  readonly pid: number;
  /** Settles once QEMU is gone, with a sentence that says how. */
  readonly ended: Promise<string>;
  readonly #console: number;
  readonly #child: ReturnType<typeof spawn>;
  readonly #runDirectory: string;
  #finalConsole: string | undefined;
  #standardError = '';

  /** `consoleFile` must be there already. */
  constructor(qemu: string, qemuArguments: readonly string[], runDirectory: string, consoleFile: string) {
    this.#runDirectory = runDirectory;
    this.#console = openSync(consoleFile, 'r');
    this.#child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', qemu, ...qemuArguments], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.pid = this.#child.pid ?? 0;
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#standardError = (this.#standardError + text).slice(-16_384);
    });
    const killOnExit = (): void => {
      this.kill();
      this.removeRunDirectory();
    };
    process.on('exit', killOnExit);
    this.ended = new Promise((resolve) => {
      const finish = (how: string): void => {
        process.off('exit', killOnExit);
        this.#finalConsole ??= this.#readConsole();
        closeSync(this.#console);
        this.removeRunDirectory();
        resolve(`${how}${this.#complaints()}`);
      };
      this.#child.once('error', (error) => finish(`QEMU cannot be started: ${error.message}.`));
      this.#child.once('close', (exitCode, signal) =>
        finish(`The rig has ended (QEMU: ${signal ?? `exit code ${exitCode}`}).`),
      );
    });
  }

  kill(): void {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill('SIGKILL');
  }

  /** QEMU holds everything in it open: after boot nobody needs its names, and nothing stays behind a killed process. */
  removeRunDirectory(): void {
    rmSync(this.#runDirectory, { recursive: true, force: true });
  }

  console(): string {
    return this.#finalConsole ?? this.#readConsole();
  }

  #readConsole(): string {
    const text = Buffer.alloc(fstatSync(this.#console).size);
    const sizeBytes = readSync(this.#console, text, 0, text.length, 0);
    return text.toString('utf8', 0, sizeBytes);
  }

  /** TCG warns about every feature of the CPU model that it lacks; that is known, and no reason for anything. */
  #complaints(): string {
    const lines = this.#standardError
      .split('\n')
      .filter((line) => line !== '' && !line.includes("warning: TCG doesn't support requested feature"));
    return lines.length === 0 ? '' : `\n${lines.join('\n')}`;
  }
}
