import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { type KeptFunction, udevRules } from './rule-texts.ts';

/** Before 80-drivers.rules, which loads drivers. */
export const defaultRulesPath = '/etc/udev/rules.d/10-dda.rules';
const MODE = 0o644;

/**
 * The rules of udev for the kept functions, as a file that is there whole or not at all. udev itself sees that it has
 * changed. Nothing is written where nothing would change.
 */
export class RulesFile {
  readonly #path: string;
  #text: string | undefined;

  constructor(path: string) {
    this.#path = path;
    this.#text = readIfPresent(path);
  }

  /** Throws what the file system says; the next call tries again. */
  update(kept: readonly KeptFunction[]): void {
    const text = udevRules(kept);
    if (text === this.#text || (this.#text === undefined && kept.length === 0)) return;
    const temporary = `${this.#path}.new`;
    const fd = openSync(temporary, 'w', MODE);
    try {
      writeSync(fd, text);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, this.#path);
    this.#text = text;
  }
}

function readIfPresent(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
