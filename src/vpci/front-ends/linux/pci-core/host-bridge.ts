import type { Slot } from '../../../slot.ts';
import type { VectorTarget } from '../../guest-platform.ts';
import type { Steps } from '../../guest-threads.ts';

/** A block of messages: data … data + count − 1 at one address. */
export interface MessageBlock {
  readonly address: bigint;
  readonly data: number;
  readonly count: number;
}

/** Where a function's message interrupts come from. */
export interface MsiDomain {
  /**
   * Messages for `count` vectors from `target.vector` on. Undefined: there are none to be had, and the vector stays dead.
   * It may wait for a host, with interrupts off.
   */
  compose(slot: Slot, target: VectorTarget, count: number): Steps<MessageBlock | undefined>;
  /** The message `data` of a block goes to `target` from now on. Called before each unmask. False: refused. */
  retarget(slot: Slot, block: MessageBlock, data: number, target: VectorTarget): boolean;
  /** The block isn't programmed anywhere any more. */
  free(slot: Slot, block: MessageBlock): void;
}

/** A range of guest-physical address space that BARs are placed in. */
export interface BarWindow {
  readonly gpa: number;
  readonly sizeBytes: number;
}

/** What a driver of a host bridge gives to the core, which keeps everything else of PCI to itself. */
export interface HostBridge {
  /** All ones where no function is. */
  readConfig(slot: Slot, offset: number, sizeBytes: number): number;
  writeConfig(slot: Slot, offset: number, sizeBytes: number, value: number): void;
  readonly msi: MsiDomain;
  /** For 32-bit BARs; undefined: none was needed when the bridge was made. */
  readonly low: BarWindow | undefined;
  /** For 64-bit BARs. */
  readonly high: BarWindow | undefined;
}
