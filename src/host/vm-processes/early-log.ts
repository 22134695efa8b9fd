import { closeFile, createMemoryFile, readFileAt, Seal, sealMemoryFile } from '../../linux/index.ts';

/** What a VM process writes to standard output and error; it says so much only when it dies. */
const SIZE_BYTES = 32 * 1024;

/**
 * Where a VM process's standard output and error go: memory of a fixed size, so that it can neither fill a disk nor block,
 * whatever it writes and whether or not its manager lives.
 */
export class EarlyLog {
  readonly fd: number;

  constructor(name: string) {
    this.fd = createMemoryFile(`dda-log-${name}`, SIZE_BYTES);
    sealMemoryFile(this.fd, Seal.grow | Seal.shrink | Seal.seal);
  }

  /** What was written so far. */
  text(): string {
    const bytes = new Uint8Array(new ArrayBuffer(SIZE_BYTES));
    readFileAt(this.fd, bytes, 0);
    const end = bytes.findLastIndex((byte) => byte !== 0) + 1;
    return new TextDecoder().decode(bytes.subarray(0, end)).replaceAll(/[^\P{C}\n\t]/gu, '\ufffd');
  }

  close(): void {
    closeFile(this.fd);
  }
}
