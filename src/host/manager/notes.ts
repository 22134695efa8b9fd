import { reportOf } from '../error-report.ts';
import type { ErrorReport } from '../error-report.ts';

/** What went wrong last with functions and VMs, and what acts said: for those who asked, and for those who look. */
export class Notes {
  readonly #problems = new Map<string, { readonly error: unknown; readonly report: ErrorReport }>();
  readonly #warnings = new Map<string, readonly string[]>();

  /** A new request begins. */
  clear(name: string): void {
    this.#problems.delete(name);
    this.#warnings.delete(name);
  }

  problem(name: string, error: unknown): void {
    this.#problems.set(name, { error, report: reportOf(error) });
  }

  warn(name: string, warnings: readonly string[]): void {
    if (warnings.length > 0) this.#warnings.set(name, warnings);
  }

  errorOf(name: string): unknown {
    return this.#problems.get(name)?.error;
  }

  reportOf(name: string): ErrorReport | undefined {
    return this.#problems.get(name)?.report;
  }

  warningsOf(names: readonly string[]): string[] {
    return [...new Set(names.flatMap((name) => this.#warnings.get(name) ?? []))];
  }
}
