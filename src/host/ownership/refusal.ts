import type { FunctionState } from './owner.ts';

/** Why a request changes nothing. The manager says it in words. */
export type RefusalCode =
  | 'no-such-function'
  | 'function-absent'
  | 'function-with-vm'
  | 'function-quarantined'
  | 'not-quarantined'
  | 'not-dismounted'
  | 'operation-in-progress'
  | 'group-not-viable'
  | 'group-with-other-vm'
  | 'group-quarantined'
  | 'virtual-functions-lent'
  | 'physical-function-away'
  | 'not-physical-function'
  | 'no-such-vm'
  | 'vm-name-taken'
  | 'vm-not-ready'
  | 'already-lent'
  | 'not-lent';

export interface Refusal {
  readonly code: RefusalCode;
  /** The function or VM that was asked for. */
  readonly subject: string;
  /** Who stands in the way: it itself, one of its group, its physical function, one of its virtual functions. */
  readonly because: FunctionState | undefined;
}

/** Ends the handling of a request; what was drafted is dropped. */
export class Refused extends Error {
  readonly refusal: Refusal;

  constructor(code: RefusalCode, subject: string, because?: FunctionState) {
    super(`${code}: ${subject}`);
    this.name = 'Refused';
    this.refusal = { code, subject, because };
  }
}
