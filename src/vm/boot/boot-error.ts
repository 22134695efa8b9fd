/** Everything that can stop a guest from being prepared. The codes are stable: the CLI, the API and the log show the same ones. */
export const BootErrorCode = {
  kernelUnreadable: 'kernel-unreadable',
  kernelNotBzImage: 'kernel-not-bzimage',
  kernelTooOld: 'kernel-too-old',
  kernelTruncated: 'kernel-truncated',
  kernelNotElf: 'kernel-not-elf',
  kernelPayloadUnsupported: 'kernel-payload-unsupported',
  kernelPayloadBad: 'kernel-payload-bad',
  memorySize: 'memory-size',
  memoryTooSmall: 'memory-too-small',
  windowsDontFit: 'mmio-windows-do-not-fit',
  commandLine: 'command-line',
  cpuCount: 'cpu-count',
  archiveEntry: 'archive-entry',
  modulesTree: 'modules-tree',
  modulesNoHyperv: 'modules-no-hyperv-drivers',
  moduleMissing: 'module-missing',
  moduleBad: 'module-bad',
  busyboxMissing: 'busybox-missing',
  busyboxDynamic: 'busybox-dynamic',
  decompressorMissing: 'decompressor-missing',
} as const;
export type BootErrorCode = (typeof BootErrorCode)[keyof typeof BootErrorCode];

/** A guest can't be prepared as asked. The message says what was asked, what stood in the way and what to do. */
export class BootError extends Error {
  override readonly name = 'BootError';
  readonly code: BootErrorCode;

  constructor(code: BootErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
