import type { MsiMessage } from './function.ts';

/** What the guest has written to an MSI capability. */
export interface MsiState {
  readonly enabled: boolean;
  /** How many vectors it enabled: 1, 2, 4 … 32. */
  readonly vectorCount: number;
  readonly address: bigint;
  /** 16 bits. */
  readonly data: number;
  /** One bit a vector; 0 where the function has no per-vector masking. */
  readonly maskBits: number;
}

/** The message of each vector that can fire now, by vector number; undefined for masked ones. Empty while MSI is off. */
export function msiMessages(state: MsiState): readonly (MsiMessage | undefined)[] {
  if (!state.enabled) return [];
  const messages: (MsiMessage | undefined)[] = [];
  for (let vector = 0; vector < state.vectorCount; vector += 1) {
    const masked = ((state.maskBits >>> vector) & 1) !== 0;
    // The function replaces the low bits of data by the vector number (PCI Local Bus Specification 3.0, 6.8.1.3).
    const data = (state.data & ~(state.vectorCount - 1)) | vector;
    messages.push(masked ? undefined : { address: state.address, data });
  }
  return messages;
}
