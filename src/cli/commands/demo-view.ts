import { stripVTControlCharacters } from 'node:util';
import type { DemoEvent, DemoResult, DemoStep, StepTime } from '../../host/index.ts';
import { demoSteps } from '../../host/index.ts';
import { wrap } from '../table.ts';
import type { Terminal } from '../terminal.ts';
import type { DemoAudience, DemoFailure } from './demo-audience.ts';
import { demoSummary } from './demo-summary.ts';

/** What each step is about, in a line for somebody who sees it for the first time. docs/demo.md says more. */
const explanations: Readonly<Record<DemoStep, string>> = {
  'boot-rig': 'A whole Linux host starts in QEMU: it has KVM, an IOMMU and an NVMe controller.',
  survey: 'Which device is to be lent, who has it now, and would the IOMMU confine it?',
  dismount: "The host's own driver lets go of it; vfio-pci keeps it for whoever borrows it.",
  'boot-guest': 'An unmodified Debian kernel starts under KVM, and finds itself on Hyper-V.',
  'hot-add': 'The running guest gets the device over a virtual bus (vPCI); its own drivers find it.',
  write: 'The guest writes random bytes straight to the device, and flushes.',
  read: 'It reads 4 KiB at a time; each time dda had to run in between would count as an exit.',
  eject: 'The host asks for the device; the guest lets go, answers, and loses every access.',
  mount: "vfio-pci lets go; the host's own driver has the device again.",
  verify: 'The host reads back what the guest wrote and compares checksums.',
  'shut-down': 'The guest powers off; nothing of it stays.',
};

const NAME_WIDTH = Math.max(...demoSteps.map((name) => name.length));
const TIME_WIDTH = 8;
const INDENT = ' '.repeat(NAME_WIDTH + TIME_WIDTH + 4);
/** Of each console so much is kept for the case that something fails. */
const TAIL_CHARACTERS = 64 * 1024;
const TAIL_LINES = 30;

export interface DemoViewOptions {
  readonly terminal: Terminal;
  /** The last line is one JSON document, alone on standard output. */
  readonly json: boolean;
  /** The guest's console as it comes. */
  readonly verbose: boolean;
  /** Other consoles whose last lines help when something fails, by name. */
  readonly consoles?: () => Readonly<Record<string, string>>;
}

/** Shows a demo to a person, and ends it with one line of JSON for a program if that is wanted. */
export class DemoView implements DemoAudience {
  readonly #options: DemoViewOptions;
  readonly #started = performance.now();
  readonly #steps: StepTime[] = [];
  #running: { readonly name: DemoStep; readonly started: number } | undefined;
  #guestConsole = '';
  #guestLine = '';
  #hasLiveLine = false;

  constructor(options: DemoViewOptions) {
    this.#options = options;
  }

  event(event: DemoEvent): void {
    switch (event.event) {
      case 'step-started':
        this.#running = { name: event.name, started: performance.now() };
        if (this.#options.verbose) this.#print(`${this.#headline(event.name, '')}\n`);
        this.#showRunning();
        break;
      case 'step-ended':
        this.#running = undefined;
        this.#steps.push({ name: event.name, ms: event.ms });
        this.#showStep(event.name, event.ms, event.shown);
        break;
      case 'console':
        this.#receiveConsole(printable(event.text));
        break;
      case 'notice':
        this.#print(`${wrap(this.#options.terminal, printable(event.text), `${INDENT}! `, `${INDENT}  `)}\n`);
        this.#showRunning();
        break;
    }
  }

  done(result: DemoResult): void {
    const { terminal, json } = this.#options;
    const totalMs = performance.now() - this.#started;
    this.#print(`\n${demoSummary(terminal, result, totalMs)}`);
    if (!json) return;
    const { guestKernel, cpus, function: name, bytesWritten, bytesVerifiedOnHost, interrupts } = result;
    const userspaceExitsPerIo = result.userspaceExits / result.reads;
    this.#printJson({
      ok: true,
      guestKernel,
      cpus,
      function: name,
      bytesWritten,
      bytesVerifiedOnHost,
      interrupts,
      userspaceExitsPerIo,
      steps: this.#steps,
    });
  }

  failed({ code, message }: DemoFailure): void {
    const { terminal } = this.#options;
    if (this.#running !== undefined) {
      const { name, started } = this.#running;
      this.#print(`${this.#headline(name, seconds(performance.now() - started), terminal.style('red', 'failed'))}\n`);
    }
    // Who ended it knows why.
    const consoles: Readonly<Record<string, string>> =
      code === 'interrupted' ? {} : { "the guest's console": this.#guestConsole, ...this.#options.consoles?.() };
    for (const [name, text] of Object.entries(consoles)) {
      const lines = printable(text).trimEnd().split('\n').slice(-TAIL_LINES);
      if (lines.join('') !== '') this.#print(`--- last lines of ${name}\n${lines.join('\n')}\n---\n`);
    }
    this.#print(`${terminal.style('red', 'error')} [${code}]: ${message}\n`);
    if (this.#options.json) this.#printJson({ ok: false, error: { code, message }, steps: this.#steps });
  }

  /** On a terminal the step that runs has a line, which its result replaces. With the guest's console between, both stay. */
  #showRunning(): void {
    const { columns } = this.#options.terminal;
    if (this.#running === undefined || columns === undefined || this.#options.json || this.#options.verbose) return;
    this.#write(this.#headline(this.#running.name, '…').slice(0, columns - 1));
    this.#hasLiveLine = true;
  }

  #headline(name: DemoStep, time: string, text = explanations[name]): string {
    return `${name.padEnd(NAME_WIDTH)}${time.padStart(TIME_WIDTH)}  ${text}`;
  }

  #showStep(name: DemoStep, ms: number, shown: readonly string[]): void {
    const { terminal, verbose } = this.#options;
    const text = verbose ? 'done' : explanations[name];
    const head = wrap(terminal, text, this.#headline(name, seconds(ms), ''), INDENT.slice(2));
    this.#print(`${terminal.style('bold', head.slice(0, NAME_WIDTH))}${head.slice(NAME_WIDTH)}\n`);
    for (const line of shown) {
      this.#print(`${terminal.style('dim', wrap(terminal, printable(line), `${INDENT}- `, `${INDENT}  `))}\n`);
    }
  }

  #receiveConsole(text: string): void {
    this.#guestConsole = (this.#guestConsole + text).slice(-TAIL_CHARACTERS);
    if (!this.#options.verbose) return;
    const lines = (this.#guestLine + text).split('\n');
    this.#guestLine = (lines.pop() ?? '').slice(-TAIL_CHARACTERS);
    for (const line of lines) this.#print(`guest | ${line}\n`);
  }

  #print(text: string): void {
    // Back to the line's beginning, and clear it (ECMA-48: EL).
    if (this.#hasLiveLine) this.#write('\r\u001b[K');
    this.#hasLiveLine = false;
    this.#write(text);
  }

  #write(text: string): void {
    const { terminal, json } = this.#options;
    if (json) terminal.notices(text);
    else terminal.output(text);
  }

  #printJson(value: unknown): void {
    this.#options.terminal.output(`${JSON.stringify(value)}\n`);
  }
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

/** A guest may send anything, escape sequences too; a terminal gets text. */
function printable(text: string): string {
  return stripVTControlCharacters(text).replaceAll(/[^\P{C}\n\t]/gu, '');
}
