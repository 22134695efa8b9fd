/** What Linux's probe ends with, by the names of its error numbers. */
export type ProbeFailureCode = 'EPROTO' | 'ENODEV' | 'ENOMEM' | 'EIO';

/** The probe gives up. What it took is given back by whoever catches this. */
export class ProbeFailure extends Error {
  override readonly name = 'ProbeFailure';
  readonly code: ProbeFailureCode;

  constructor(code: ProbeFailureCode, message: string) {
    super(message);
    this.code = code;
  }
}
