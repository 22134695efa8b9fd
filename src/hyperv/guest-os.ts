/** Who runs in the partition, as it said itself in HV_X64_MSR_GUEST_OS_ID. */
export interface GuestOs {
  readonly id: bigint;
  /** In words: "Linux 6.1.192", "Windows NT 10.0 build 20348". */
  readonly name: string;
}

/** TLFS "Guest OS identity for open source operating systems", bits 62:56. */
const OPEN_SOURCE_NAMES: Readonly<Record<number, string>> = { 1: 'Linux', 2: 'FreeBSD', 3: 'Xen', 4: 'illumos' };
/** TLFS "Guest OS identity for proprietary operating systems", bits 47:40, vendor 1 (Microsoft). */
const MICROSOFT_NAMES: Readonly<Record<number, string>> = {
  1: 'MS-DOS',
  2: 'Windows 3.x',
  3: 'Windows 9x',
  4: 'Windows NT',
  5: 'Windows CE',
};

/** Undefined for zero: nobody is there. */
export function decodeGuestOs(id: bigint): GuestOs | undefined {
  if (id === 0n) {
    return undefined;
  }
  return { id, name: id >> 63n === 1n ? openSourceName(id) : proprietaryName(id) };
}

function openSourceName(id: bigint): string {
  const type = bits(id, 62, 56);
  const version = bits(id, 47, 16);
  const name = OPEN_SOURCE_NAMES[type] ?? `open source system ${type}`;
  return `${name} ${version >>> 16}.${(version >>> 8) & 0xff}.${version & 0xff}`;
}

function proprietaryName(id: bigint): string {
  const vendor = bits(id, 62, 48);
  const type = bits(id, 47, 40);
  const name = (vendor === 1 ? MICROSOFT_NAMES[type] : undefined) ?? `system ${type} of vendor ${vendor}`;
  const servicePack = bits(id, 23, 16);
  const pack = servicePack === 0 ? '' : ` service pack ${servicePack}`;
  return `${name} ${bits(id, 39, 32)}.${bits(id, 31, 24)}${pack} build ${bits(id, 15, 0)}`;
}

function bits(value: bigint, high: number, low: number): number {
  return Number(BigInt.asUintN(high - low + 1, value >> BigInt(low)));
}
