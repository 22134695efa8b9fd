import * as z from 'zod';

const MIB = 1024 * 1024;
/** Of one VM. */
export const MAX_DISKS = 64;
/** Of one disk. */
export const MAX_VIRTUAL_FUNCTIONS = 16;

/** What a VM process is to be, beside its descriptors. */
const vmProcessSpec = z.strictObject({
  name: z.string().regex(/^[a-z0-9-]{1,32}$/),
  /** The user whose connections it takes; nobody else's. */
  managerUserId: z.int().min(0),
  memoryBytes: z.int().min(MIB),
  vcpus: z.int().min(1).max(1024),
  commandLine: z.string().max(4096),
  hasInitrd: z.boolean(),
  /** What the DMA descriptor is. */
  dma: z.enum(['container', 'iommufd', 'none']),
  /** `disk0`, `disk1`, …, of the descriptors from {@link Descriptor.firstDisk} on, in this order. */
  disks: z
    .array(
      z.strictObject({
        sizeBytes: z.int().min(1),
        readOnly: z.boolean(),
        inMemory: z.boolean(),
        virtualFunctions: z.int().min(0).max(MAX_VIRTUAL_FUNCTIONS),
        /** 16 bytes in hex. */
        uuid: z.string().regex(/^[0-9a-f]{32}$/),
      }),
    )
    .max(MAX_DISKS),
  /** Sizes of the guest's window for 64-bit BARs to try, the best first; after them the least there is. */
  highWindowBytes: z.array(z.int().min(0)).max(16),
});
export type VmProcessSpec = z.infer<typeof vmProcessSpec>;

export function encodeSpec(spec: VmProcessSpec): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(vmProcessSpec.parse(spec)));
}

/** Throws an error that says what is wrong with it: spec and process are of one version, so it is a bug. */
export function decodeSpec(bytes: Uint8Array): VmProcessSpec {
  return vmProcessSpec.parse(JSON.parse(new TextDecoder().decode(bytes)));
}
