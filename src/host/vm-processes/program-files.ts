import { realpathSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nativePackageFile } from '../../linux/index.ts';
import { vmProcessProgram } from '../../vm/process/index.ts';
import { HostError } from '../errors.ts';

const READ_BY_OTHERS = 0o004;
const ENTER_BY_OTHERS = 0o001;

/** What a VM process must be able to read to start at all. */
function programFiles(): string[] {
  return [process.execPath, fileURLToPath(vmProcessProgram()), nativePackageFile()];
}

/** The first directory or file on the way to `path` that is closed to users that nobody knows; undefined: none. */
export function closedToOthers(path: string): string | undefined {
  const file = realpathSync(path);
  for (let directory = dirname(file); ; directory = dirname(directory)) {
    if ((statSync(directory).mode & ENTER_BY_OTHERS) === 0) return directory;
    if (directory === dirname(directory)) break;
  }
  return (statSync(file).mode & READ_BY_OTHERS) === 0 ? file : undefined;
}

/** Throws HostError `vm-process-unreadable`: a process of a user of its own could not even start. */
export function checkProgramFiles(asked: string, files: readonly string[] = programFiles()): void {
  for (const file of files) {
    const closed = closedToOthers(file);
    if (closed === undefined) continue;
    throw new HostError('vm-process-unreadable', {
      asked,
      obstacle: `its process runs as a user of its own, and ${closed} is closed to that user; it needs ${file}.`,
      remedy: `Install dda and Node where everybody may read, such as /usr/lib/dda, or open it: chmod o+rX ${closed}`,
      details: { closed, file },
    });
  }
}
