/** Between the round and the process that runs dda's VM, over Node's channel for child processes. */

export interface DdaRequest {
  readonly id: number;
  readonly ask: 'add' | 'eject' | 'count-exits';
}

export interface DdaReply {
  readonly id: number;
  readonly error?: string;
  /** Exits to user space, by dda's own count. */
  readonly exits: number;
  /** How long the parts of it took, in order, in milliseconds. */
  readonly phases: readonly Phase[];
}

export interface Phase {
  readonly name: string;
  readonly ms: number;
}

/** Sent once, when the vCPUs run. */
export interface DdaStarted {
  readonly started: readonly Phase[];
}
