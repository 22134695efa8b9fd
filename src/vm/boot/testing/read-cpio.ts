/** A member of a newc archive as found in it, for tests. */
export interface CpioMember {
  readonly path: string;
  readonly mode: number;
  readonly data: Buffer;
}

/** Reads what `writeCpio` writes. */
export function readCpio(archive: Uint8Array): CpioMember[] {
  const bytes = Buffer.from(archive);
  const padded = (value: number): number => (value + 3) & ~3;
  const members: CpioMember[] = [];
  for (let at = 0; ; ) {
    const field = (index: number): number =>
      Number.parseInt(bytes.toString('latin1', at + 6 + index * 8, at + 14 + index * 8), 16);
    const nameEnd = at + 110 + field(11);
    const path = bytes.toString('utf8', at + 110, nameEnd - 1);
    if (path === 'TRAILER!!!') return members;
    const dataAt = padded(nameEnd);
    members.push({ path, mode: field(1), data: bytes.subarray(dataAt, dataAt + field(6)) });
    at = padded(dataAt + field(6));
    if (at >= bytes.length) throw new Error('the archive has no trailer');
  }
}
