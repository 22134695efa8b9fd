import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { lockFile } from '../../linux/index.ts';
import { ApiError } from '../errors.ts';

/**
 * Takes a state directory for this process; the kernel frees it when the process ends, however that happens. Gives what
 * frees it before. Throws ApiError `daemon-running`, `daemon-setup-failed`.
 */
export function lockState(directory: string): () => void {
  const path = join(directory, 'lock');
  const fd = openLock(directory, path);
  if (!lockFile(fd)) {
    closeSync(fd);
    const holder = readFileSync(path, 'utf8').trim();
    throw new ApiError('daemon-running', {
      asked: `start a daemon on ${directory}`,
      obstacle: `a daemon has it already${holder === '' ? '' : `: process ${holder}`}.`,
      remedy: 'Use that one, or end it first: systemctl stop dda',
      details: { directory, processId: holder === '' ? null : Number(holder) },
    });
  }
  ftruncateSync(fd);
  writeSync(fd, `${process.pid}\n`);
  return () => closeSync(fd);
}

function openLock(directory: string, path: string): number {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    return openSync(path, 'a', 0o600);
  } catch (cause) {
    throw new ApiError(
      'daemon-setup-failed',
      {
        asked: `start a daemon on ${directory}`,
        obstacle: `${cause instanceof Error ? cause.message : String(cause)}.`,
        remedy: 'Run the daemon as root, or give it another directory: --state DIR',
        details: { directory },
      },
      { cause },
    );
  }
}
