import { StringDecoder } from 'node:string_decoder';
import type { SessionEvent, VmRunObserver, VmRunResult } from '../../host/index.ts';
import type { ConsolePort } from '../console-port.ts';
import type { Terminal } from '../terminal.ts';

/** What is told of a VM from its start to its end. */
export interface VmFacts {
  readonly name: string;
  readonly kernelName: string;
  readonly memoryBytes: number;
  readonly vcpus: number;
}

/** How a run is told: to people, with the guest's console between, or to programs. */
export interface VmReport extends Omit<VmRunObserver, 'started'> {
  started(): void;
  warning(text: string): void;
  ended(result: VmRunResult, end: string, scriptExitCode: number | undefined): void;
  /** The last word of a run that went well. */
  succeeded(): void;
}

const MIB = 2 ** 20;

/** The console on standard output, all else on standard error. */
export class VmTextReport implements VmReport {
  readonly #terminal: Terminal;
  readonly #port: ConsolePort;
  readonly #facts: VmFacts;
  readonly #endKey: string;
  #starts = 0;
  /** The guest has begun a line on the same terminal. */
  #midLine = false;

  constructor(terminal: Terminal, port: ConsolePort, facts: VmFacts, endKey: string) {
    this.#terminal = terminal;
    this.#port = port;
    this.#facts = facts;
    this.#endKey = endKey;
  }

  started(): void {
    this.#starts += 1;
    const { name, kernelName, memoryBytes, vcpus } = this.#facts;
    this.#say(
      this.#starts === 1
        ? `VM ${name}: ${kernelName}, ${vcpus} CPU${vcpus === 1 ? '' : 's'}, ${memoryBytes / MIB} MiB; ${this.#endKey} ends it`
        : `VM ${name}: starting again after a reset`,
    );
  }

  console(bytes: Uint8Array): void {
    this.#port.write(bytes);
    this.#midLine = this.#port.isTerminal && bytes.at(-1) !== 0x0a;
  }

  session(event: SessionEvent): void {
    const { function: name } = event;
    switch (event.kind) {
      case 'lent':
        return this.#say(`${name} lent to the guest (${milliseconds(event.tookMs)})`);
      case 'ejected':
        return this.#say(`${name} ${ejections[event.outcome]} (${milliseconds(event.tookMs)})`);
      case 'rescinded':
        return this.#say(`${name} taken from the guest (${milliseconds(event.tookMs)})`);
      case 'release-requested':
        return this.#say(`${name}: the host's kernel wants it back; asking the guest`);
      case 'function-failed':
        return this.warning(`${name} failed: ${event.reason}`);
      case 'warning':
        return this.warning(`${name}: ${event.message} [${event.code}]`);
    }
  }

  log(entry: { readonly severity: string; readonly code: string; readonly text: string }): void {
    if (entry.severity === 'warning') this.warning(`${entry.text} [${entry.code}]`);
  }

  crashed({ message }: { readonly message?: string }): void {
    if (message === undefined) this.#say('the guest says that it has crashed, and no more');
    else this.#say(`the guest says that it has crashed; the end of its log:\n${message.trimEnd()}`);
  }

  notice(text: string): void {
    this.#say(text);
  }

  step(): void {
    // The notices before and after say enough.
  }

  warning(text: string): void {
    this.#newLine();
    this.#terminal.notices(`${this.#terminal.style('yellow', 'warning')}: ${text}\n`);
  }

  ended(_result: VmRunResult, end: string): void {
    this.#say(`VM ${this.#facts.name}: ${end}`);
  }

  succeeded(): void {
    // The exit code says so.
  }

  #say(text: string): void {
    this.#newLine();
    this.#terminal.notices(`${text}\n`);
  }

  #newLine(): void {
    if (!this.#midLine) return;
    this.#midLine = false;
    this.#terminal.notices('\n');
  }
}

const ejections = {
  ejected: 'given back by the guest',
  'not-in-use': 'taken back; the guest had not been using it',
  deadline: 'taken at the deadline: the guest had not let go of it',
} as const;

function milliseconds(ms: number): string {
  return `${ms.toFixed(0)} ms`;
}

/** One JSON object a line on standard output; docs/cli.md has them all. */
export class VmJsonReport implements VmReport {
  readonly #port: ConsolePort;
  readonly #facts: VmFacts;
  /** A character may come in two parts. */
  readonly #decoder = new StringDecoder('utf8');
  #starts = 0;

  constructor(port: ConsolePort, facts: VmFacts) {
    this.#port = port;
    this.#facts = facts;
  }

  started(): void {
    const { name, kernelName, memoryBytes, vcpus } = this.#facts;
    this.#emit({
      event: this.#starts === 0 ? 'started' : 'restarted',
      name,
      processId: process.pid,
      kernel: kernelName,
      memoryBytes,
      vcpus,
    });
    this.#starts += 1;
  }

  console(bytes: Uint8Array): void {
    const text = this.#decoder.write(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    if (text !== '') this.#emit({ event: 'console', text });
  }

  session({ kind, ...rest }: SessionEvent): void {
    this.#emit({ event: kind, ...rest });
  }

  log(entry: { readonly severity: string; readonly code: string; readonly text: string }): void {
    this.#emit({ event: 'log', severity: entry.severity, code: entry.code, text: entry.text });
  }

  crashed(report: Parameters<VmRunObserver['crashed']>[0]): void {
    const parameters = report.parameters.map((value) => `0x${value.toString(16)}`);
    this.#emit({ event: 'crashed', vcpu: report.vp, parameters, message: report.message ?? null });
  }

  notice(text: string): void {
    this.#emit({ event: 'notice', text });
  }

  step(intent: string, tookMs: number): void {
    this.#emit({ event: 'step', intent, tookMs });
  }

  warning(text: string): void {
    this.#emit({ event: 'warning', function: null, code: null, message: text });
  }

  ended(result: VmRunResult, _end: string, scriptExitCode: number | undefined): void {
    this.#emit({
      event: 'ended',
      reason: result.crash === undefined ? result.end.kind : 'panic',
      restarts: result.restarts,
      exits: result.exits.exits,
      deviceExits: result.exits.deviceExits,
      scriptExitCode: scriptExitCode ?? null,
    });
  }

  succeeded(): void {
    this.#emit({ ok: true });
  }

  #emit(event: Readonly<Record<string, unknown>>): void {
    this.#port.write(Buffer.from(`${JSON.stringify(event)}\n`));
  }
}
