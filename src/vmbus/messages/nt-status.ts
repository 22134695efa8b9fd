/** The NTSTATUS values in VMBus replies. Guests only tell 0 from the rest; the value is for whoever reads a trace. */
export const NtStatus = {
  success: 0,
  unsuccessful: 0xc000_0001,
  invalidParameter: 0xc000_000d,
  insufficientResources: 0xc000_009a,
  notSupported: 0xc000_00bb,
  invalidDeviceState: 0xc000_0184,
  connectionRefused: 0xc000_0236,
} as const;
export type NtStatus = (typeof NtStatus)[keyof typeof NtStatus];
