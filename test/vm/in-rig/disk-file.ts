import { truncateSync, writeFileSync } from 'node:fs';

/** An empty file for a disk of software. Gives its path. */
export function emptyDisk(name: string, sizeBytes: number): string {
  const path = `/tmp/${name}-${process.pid}.img`;
  writeFileSync(path, '');
  truncateSync(path, sizeBytes);
  return path;
}
