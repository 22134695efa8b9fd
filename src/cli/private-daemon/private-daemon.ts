import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiError, type DaemonClient, connectDaemon } from '../../api/index.ts';
import { ReportedError } from '../../host/index.ts';
import { type PrivatePlaces, privatePlaces, removePlaces } from './places.ts';

/** Until its API answers: reading its journal and looking at the host takes well below a second. */
const START_MS = 60_000;
const START_STEP_MS = 20;

interface End {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A daemon that belongs to this command. It notices by its standard input when the command ends, however that happens. */
export class PrivateDaemon {
  readonly places: PrivatePlaces;
  readonly client: DaemonClient;
  /** Resolves when it has ended, be it before its time. */
  readonly ended: Promise<End>;
  readonly #command: readonly string[];
  readonly #child: ChildProcess;

  private constructor(command: readonly string[], places: PrivatePlaces, child: ChildProcess, client: DaemonClient) {
    this.#command = command;
    this.places = places;
    this.#child = child;
    // It is gone: `ended` tells.
    child.stdin?.on('error', () => undefined);
    this.client = client;
    this.ended = endOf(child);
  }

  /** `command` starts this program. Throws what keeps the daemon from starting, as it says it, and ApiError `private-daemon-failed`. */
  static async start(command: readonly string[]): Promise<PrivateDaemon> {
    const places = privatePlaces(mkdtempSync(join(tmpdir(), 'dda-private-')));
    const child = launch(command, places, 'pipe');
    const daemon = new PrivateDaemon(command, places, child, await connectDaemon(places.socket));
    try {
      await daemon.#ready();
      return daemon;
    } catch (error) {
      child.kill('SIGKILL');
      await daemon.ended;
      removePlaces(places);
      throw error;
    }
  }

  /**
   * Lets it end its VMs and give everything back to the host, and waits for that. One that was killed is started once more, for
   * that alone: it finds in its journal what the first one had. Throws what it could not give back, as it says it.
   */
  async end(notice: (text: string) => void): Promise<void> {
    this.#child.stdin?.end();
    let end = await this.ended;
    if (end.exitCode !== 0 && this.#words() === undefined) {
      notice('The private daemon ended before its time: it is started once more to give everything back.');
      end = await endOf(launch(this.#command, this.places, 'ignore'));
    }
    const failure = end.exitCode === 0 ? undefined : this.#failure('end in order', end);
    // What it could not do is said; what it has not even tried can be done from its directory.
    if (failure === undefined || failure instanceof ReportedError) removePlaces(this.places);
    if (failure !== undefined) throw failure;
  }

  async #ready(): Promise<void> {
    for (let waitedMs = 0; waitedMs < START_MS; waitedMs += START_STEP_MS) {
      if (await answers(this.places.socket)) return;
      const end = await Promise.race([this.ended, sleep(START_STEP_MS, undefined)]);
      if (end !== undefined) throw this.#failure('start', end);
    }
    throw this.#failed('start', `it has not answered for ${START_MS / 1000} s.`, {});
  }

  /** In its own words, if it had any. */
  #failure(verb: string, { exitCode, signal }: End): Error {
    const how = signal === null ? `exit code ${exitCode}` : signal;
    return (
      this.#words() ?? this.#failed(verb, `it ended with ${how}.`, { exitCode, signal, log: this.#log().slice(-4096) })
    );
  }

  #words(): ReportedError | undefined {
    const [, code, message] = /^error \[([a-z-]+)\]: (.+)$/m.exec(this.#log()) ?? [];
    return code === undefined || message === undefined ? undefined : new ReportedError({ code, message });
  }

  #log(): string {
    return readFileSync(this.places.log, 'utf8');
  }

  #failed(verb: string, obstacle: string, details: Readonly<Record<string, unknown>>): ApiError {
    return new ApiError('private-daemon-failed', {
      asked: `let a private daemon ${verb}`,
      obstacle,
      remedy: `dda check tells what this host lacks. What it had taken comes home with: dda serve --private ${this.places.directory} < /dev/null`,
      details: { directory: this.places.directory, ...details },
    });
  }
}

function launch(command: readonly string[], places: PrivatePlaces, input: 'pipe' | 'ignore'): ChildProcess {
  const [program = process.execPath, ...args] = command;
  const log = openSync(places.log, 'a', 0o600);
  try {
    // In a session of its own: Ctrl-C is for the command, which then lets it end in order.
    return spawn(program, [...args, 'serve', '--private', places.directory, '--log-level', 'warn'], {
      stdio: [input, log, log],
      detached: true,
      cwd: '/',
      env: withoutServiceManager(process.env),
    });
  } finally {
    closeSync(log);
  }
}

/** Whoever started the command as a service waits for its word, not for this daemon's. */
function withoutServiceManager(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { ...environment, NOTIFY_SOCKET: undefined, WATCHDOG_USEC: undefined, WATCHDOG_PID: undefined };
}

function endOf(child: ChildProcess): Promise<End> {
  return new Promise((resolve) => {
    child.once('error', () => resolve({ exitCode: null, signal: null }));
    child.once('close', (exitCode, signal) => resolve({ exitCode, signal }));
  });
}

function answers(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = createConnection(socket);
    connection.once('connect', () => {
      connection.destroy();
      resolve(true);
    });
    connection.once('error', () => resolve(false));
  });
}
