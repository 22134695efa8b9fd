/**
 * What a guest may not do. Each refusal has a code that the log, the snapshot and the tests share; the text says what was
 * asked and what stood in the way.
 */
export const RefusalCode = {
  notVmbus: 'VMBUS_FOREIGN_MESSAGE',
  tooLong: 'VMBUS_MESSAGE_TOO_LONG',
  tooShort: 'VMBUS_MESSAGE_TOO_SHORT',
  unknownMessage: 'VMBUS_UNKNOWN_MESSAGE',
  badValue: 'VMBUS_BAD_VALUE',
  notConnected: 'VMBUS_NOT_CONNECTED',
  wrongVersion: 'VMBUS_WRONG_VERSION',
  versionUnsupported: 'VMBUS_VERSION_UNSUPPORTED',
  offersRequestedTwice: 'VMBUS_OFFERS_REQUESTED_TWICE',
  unknownRelid: 'VMBUS_UNKNOWN_RELID',
  wrongState: 'VMBUS_WRONG_CHANNEL_STATE',
  unknownVp: 'VMBUS_UNKNOWN_VP',
  gpadlInvalid: 'VMBUS_GPADL_INVALID',
  gpadlLimit: 'VMBUS_GPADL_LIMIT',
  unknownGpadl: 'VMBUS_UNKNOWN_GPADL',
  gpadlInUse: 'VMBUS_GPADL_IN_USE',
  ringInvalid: 'VMBUS_RING_INVALID',
  unsupported: 'VMBUS_UNSUPPORTED',
  tooManyUnread: 'VMBUS_TOO_MANY_UNREAD_MESSAGES',
} as const;
export type RefusalCode = (typeof RefusalCode)[keyof typeof RefusalCode];

export class Refusal {
  readonly code: RefusalCode;
  readonly text: string;

  constructor(code: RefusalCode, text: string) {
    this.code = code;
    this.text = text;
  }
}
