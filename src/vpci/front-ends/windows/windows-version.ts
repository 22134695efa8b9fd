import { VpciVersion } from '../../wire/version.ts';

/** Versions from which on a Windows guest behaves otherwise (OpenVMM vm/devices/pci/vpci_protocol, ProtocolVersion). */
export const WindowsVersion = {
  /** 1.5: functions can be reset by a message. */
  DEVICE_RESET: 0x0001_0005,
  /** 1.6: interrupts are asked for one by one, as they are connected, in place of all with the resources. */
  DYNAMIC_INTERRUPTS: 0x0001_0006,
} as const;

/** In the order in which they are asked for. */
export const WINDOWS_VERSIONS: readonly number[] = [
  WindowsVersion.DYNAMIC_INTERRUPTS,
  WindowsVersion.DEVICE_RESET,
  VpciVersion.V1_4,
  VpciVersion.V1_3,
  VpciVersion.V1_2,
  VpciVersion.V1_1,
];
