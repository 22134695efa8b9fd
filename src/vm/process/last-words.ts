import { writeSync } from 'node:fs';

const STANDARD_ERROR = 2;
const MARK = 'dda-vm: ';
const MAX_CHARACTERS = 2000;

/** Says why this process ends, where whoever started it can read it: one line that {@link lastWordsIn} finds, then the stack. */
export function sayLastWords(error: unknown): void {
  const message = error instanceof Error ? error.message : String(error);
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  const words = `${MARK}${message.replaceAll('\n', ' ').slice(0, MAX_CHARACTERS)}\n${stack.slice(0, MAX_CHARACTERS)}\n`;
  try {
    writeSync(STANDARD_ERROR, words);
  } catch (cause) {
    // The log has its fill, and there is nobody else to tell.
    if (!(cause instanceof Error) || !('code' in cause)) throw cause;
  }
}

/** What a VM process said last, of what it wrote to standard error; else its first line. Undefined: nothing. */
export function lastWordsIn(text: string): string | undefined {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const said = lines.find((line) => line.startsWith(MARK))?.slice(MARK.length);
  // V8's begin with lines that say nothing.
  return (
    said ??
    lines
      .find((line) => /\p{L}/u.test(line))
      ?.trim()
      .slice(0, 500)
  );
}
