import type { ProtocolVersion } from '../vmbus/index.ts';
import type { VpciVersion } from '../vpci/index.ts';
import type { BzImage, Vmlinux } from './boot/index.ts';

export interface MachineOptions {
  readonly kernel: BzImage | Vmlinux;
  readonly initrd?: Uint8Array;
  readonly commandLine: string;
  readonly memoryBytes: number;
  readonly vcpus: number;
  /** `/dev/kvm`, opened by another process, for one that may not. Taken over, also when the VM can't be created. */
  readonly kvmFd?: number;
  /**
   * Put pages behind all of the guest's memory once it has connected to VMBus. A device that is lent pins all of it, and its
   * arrival would wait for that otherwise.
   */
  readonly populateMemory?: boolean;
  /** Address space for 64-bit BARs; grows with the devices to lend. */
  readonly highWindowBytes?: number;
  /**
   * Called when all that the machine needs is loaded and all its threads run; the guest begins when it has resolved. If it rejects, the
   * machine ends with that error.
   */
  readonly beforeGuest?: () => Promise<void>;
  readonly vmbusMaxVersion?: ProtocolVersion;
  readonly vpciMaxVersion?: VpciVersion;
}
