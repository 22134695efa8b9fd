import type { Caller } from '../host/index.ts';

/** What comes with each request besides itself. */
export interface Env {
  Bindings: {
    /** From the connection's peer credentials. */
    readonly caller: Caller;
  };
}
