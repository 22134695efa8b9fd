/** NTSTATUS values that a host completes a request with. A guest reads them as signed: a set top bit is failure. */
export const NtStatus = {
  SUCCESS: 0,
  INVALID_PARAMETER: 0xc000_000d,
  /** Linux tries its next lower version after this answer, and gives the bus up after any other failure. */
  REVISION_MISMATCH: 0xc000_0059,
  INSUFFICIENT_RESOURCES: 0xc000_009a,
  NOT_SUPPORTED: 0xc000_00bb,
  /** A request that needs the bus in D0, outside it. */
  INVALID_DEVICE_STATE: 0xc000_0184,
  /** Malformed, or for a slot where nothing is. */
  BAD_DATA: 0xc000_090b,
} as const;
export type NtStatus = (typeof NtStatus)[keyof typeof NtStatus];

export function isFailure(status: number): boolean {
  return status >>> 31 === 1;
}

/** `0xc000090b BAD_DATA`; the name only where it is one of ours. */
export function formatStatus(status: number): string {
  const name = Object.entries(NtStatus).find(([, value]) => value === status)?.[0];
  const digits = `0x${status.toString(16)}`;
  return name === undefined ? digits : `${digits} ${name}`;
}
