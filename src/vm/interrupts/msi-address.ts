/** One interrupt vector on one virtual processor; VP index = APIC id in our machines. */
export interface InterruptTarget {
  readonly vp: number;
  readonly vector: number;
}

/**
 * The MSI that raises `target`: fixed delivery, physical destination, edge (Intel SDM vol. 3, "Message Signalled
 * Interrupts"). APIC ids above 255 go in bits 31:8 of the high address word, as KVM_CAP_X2APIC_API defines.
 */
export function msiFor(target: InterruptTarget): { address: bigint; data: number } {
  const low = 0xfee00000n | (BigInt(target.vp & 0xff) << 12n);
  const high = BigInt(target.vp & ~0xff) << 32n;
  return { address: high | low, data: target.vector };
}
