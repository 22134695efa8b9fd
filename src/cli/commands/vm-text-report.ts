import type { SessionEvent } from '../../host/index.ts';
import type { ConsolePort } from '../console-port.ts';
import type { Terminal } from '../terminal.ts';
import type { RunEnd, VmFacts, VmReport } from './vm-report.ts';

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
        return this.#say(`${name}: the host's kernel wants it back at once; taking it from the guest`);
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

  ended(_told: RunEnd, end: string): void {
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
  rescinded: 'taken while the guest was still being asked for it',
} as const;

function milliseconds(ms: number): string {
  return `${ms.toFixed(0)} ms`;
}
