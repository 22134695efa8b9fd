import { GuestLine } from '../../vm/index.ts';

const MAX_LINE_BYTES = 256;

/** Reads from the console with which exit code the guest's script ended. */
export class ScriptExit {
  #line = '';
  #exitCode: number | undefined;

  /** Undefined: it didn't end, or not so that the guest could tell. */
  get exitCode(): number | undefined {
    return this.#exitCode;
  }

  push(bytes: Uint8Array): void {
    const lines = (this.#line + Buffer.from(bytes).toString('latin1')).split('\n');
    this.#line = (lines.pop() ?? '').slice(0, MAX_LINE_BYTES);
    for (const line of lines) {
      if (!line.startsWith(GuestLine.exit)) continue;
      const code = /^ (\d{1,3})\r?$/.exec(line.slice(GuestLine.exit.length))?.[1];
      if (code !== undefined) this.#exitCode = Number(code);
    }
  }
}
