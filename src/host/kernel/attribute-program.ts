/**
 * A program of its own: reads and writes attributes of the kernel, one at a time, for as long as its standard input is open. It is
 * ready before it is needed, so that nobody waits for a process to start. Whatever waits in the kernel is this process. One JSON
 * request a line in, one JSON answer a line out.
 */
import { closeSync, constants, openSync, readFileSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { AttributeAnswer, AttributeRequest } from './attribute-process.ts';

function answer({ path, value }: AttributeRequest): AttributeAnswer {
  try {
    if (value === undefined) return { ok: true, text: readFileSync(path, 'latin1') };
    // Without O_CREAT: sysfs answers that with EACCES, which would hide that the attribute isn't there.
    const fd = openSync(path, constants.O_WRONLY);
    try {
      writeSync(fd, value);
    } finally {
      closeSync(fd);
    }
    return { ok: true, text: '' };
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && typeof error.code === 'string')) throw error;
    return { ok: false, code: error.code };
  }
}

const tell = (answered: AttributeAnswer): void => void process.stdout.write(`${JSON.stringify(answered)}\n`);

// Nobody listens any more: the process that asked has ended.
process.stdout.on('error', () => process.exit());

// What is done for the first time takes longest; the first answer tells that the program is ready.
tell(answer(JSON.parse(JSON.stringify({ path: '/dev/null', value: '\n' })) as AttributeRequest));
for await (const line of createInterface({ input: process.stdin })) tell(answer(JSON.parse(line) as AttributeRequest));
