import { StringDecoder } from 'node:string_decoder';
import type { SessionEvent, VmRunObserver } from '../../host/index.ts';
import type { ConsolePort } from '../console-port.ts';
import type { RunEnd, VmFacts, VmReport } from './vm-report.ts';

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

  ended({ kind, crash, restarts, exits }: RunEnd, _end: string, scriptExitCode: number | undefined): void {
    this.#emit({
      event: 'ended',
      reason: crash === undefined ? kind : 'panic',
      restarts,
      exits: exits?.exits ?? null,
      deviceExits: exits?.deviceExits ?? null,
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
