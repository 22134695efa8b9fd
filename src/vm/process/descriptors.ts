/** The descriptors that a VM process inherits, by number, beside standard input, output and error. It opens nothing itself. */
export const Descriptor = {
  /** Where managers connect: a listening Unix socket that keeps message boundaries. */
  listener: 3,
  /** A sealed memory file with a {@link VmProcessSpec} as JSON. */
  spec: 4,
  /** `/dev/kvm`. */
  kvm: 5,
  /** A bzImage or vmlinux, opened for reading. */
  kernel: 6,
  /** The same, or `/dev/null`: none. */
  initrd: 7,
  /** `/dev/vfio/vfio`, empty, or `/dev/iommu`. `/dev/null`: this host has neither, and nothing can be lent. */
  dma: 8,
  /** One end of a socket pair: see {@link Gate}. Closed when the guest begins. */
  gate: 9,
  /** Files that are disks of the guest, as many as the spec names: opened for reading, and for writing unless read-only. */
  firstDisk: 10,
} as const;
