/** What a demo is shown with. */
export interface DemoOptions {
  /** Address of an NVMe controller that the host can spare. */
  readonly function: string;
  /** Whether the start of its disk may be overwritten. */
  readonly erase: boolean;
  /** A bzImage or vmlinux. */
  readonly kernelPath: string;
  /** Its `lib/modules/VERSION`. */
  readonly modulesDirectory: string;
  /** Where unpacked kernels are kept. */
  readonly unpackedDirectory?: string;
  readonly memoryBytes: number;
  readonly cpus: number;
  /** For each answer of the guest. */
  readonly deadlineMs: number;
}
