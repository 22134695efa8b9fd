import type { DmaBuffer } from '../guest-platform.ts';
import type { Steps } from '../guest-threads.ts';

/**
 * The interface of function pointers that a driver asks for once, as Windows' BUS_INTERFACE_STANDARD with what its DMA
 * adapter and its interrupt calls add. Calls are good until the function is removed; after a surprise removal they read all
 * ones and change nothing.
 */
export interface BusInterface {
  readonly getBusData: (offset: number, sizeBytes: number) => number;
  readonly setBusData: (offset: number, sizeBytes: number, value: number) => void;
  readonly allocateCommonBuffer: (sizeBytes: number) => DmaBuffer;
  readonly freeCommonBuffer: (buffer: DmaBuffer) => void;
  /** How many messages the function was given. */
  readonly messageCount: () => number;
  /** False: there is no token for that message. */
  readonly connectMessage: (index: number, handler: () => void) => Steps<boolean>;
  readonly disconnectMessage: (index: number) => Steps<void>;
  /** Resets the function. False: the host can't, or speaks a version before 1.5. */
  readonly reset: () => Steps<boolean>;
}
