/** What a host asked of VMBus that can't be. */
export type VmbusErrorCode = 'VMBUS_ALREADY_OFFERED' | 'VMBUS_TOO_MANY_OFFERS';

export class VmbusError extends Error {
  override readonly name = 'VmbusError';
  readonly code: VmbusErrorCode;

  constructor(code: VmbusErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
