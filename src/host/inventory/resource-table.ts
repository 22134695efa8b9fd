/**
 * The `resource` attribute of a function: one line a resource, "start end flags" in hexadecimal. Lines 0 to 5 are the BARs,
 * line 6 the expansion ROM. Source: Linux Documentation/PCI/sysfs-pci.rst; flags: include/linux/ioport.h.
 */
export interface HostBar {
  readonly index: number;
  readonly kind: 'memory32' | 'memory64' | 'io';
  readonly prefetchable: boolean;
  /** Where the host put it; undefined while it has no place. */
  readonly hostAddress: bigint | undefined;
  readonly sizeBytes: number;
}

const ResourceFlag = {
  io: 0x0000_0100n,
  memory: 0x0000_0200n,
  prefetch: 0x0000_2000n,
  memory64: 0x0010_0000n,
  unset: 0x2000_0000n,
} as const;

const barLines = 6;
const absent = '0x0000000000000000 0x0000000000000000 0x0000000000000000';

export function parseResourceTable(text: string): HostBar[] {
  const bars: HostBar[] = [];
  for (const [index, line] of text.split('\n').slice(0, barLines).entries()) {
    if (line === absent) continue;
    const fields = /^(0x[0-9a-f]+) (0x[0-9a-f]+) (0x[0-9a-f]+)$/i.exec(line.trim());
    if (fields === null) continue;
    const [start, end, flags] = [BigInt(fields[1] ?? 0), BigInt(fields[2] ?? 0), BigInt(fields[3] ?? 0)];
    const io = (flags & ResourceFlag.io) !== 0n;
    // An absent BAR has no flags. One of size 0 would read start = end = 0, which is a BAR of one byte otherwise.
    if ((!io && (flags & ResourceFlag.memory) === 0n) || end <= start) continue;
    bars.push({
      index,
      kind: io ? 'io' : (flags & ResourceFlag.memory64) !== 0n ? 'memory64' : 'memory32',
      prefetchable: (flags & ResourceFlag.prefetch) !== 0n,
      hostAddress: (flags & ResourceFlag.unset) !== 0n ? undefined : start,
      sizeBytes: Number(end - start + 1n),
    });
  }
  return bars;
}
