import type { BpfInstruction } from '../../linux/index.ts';

/** What the thread that starts VM processes is started with. */
export interface LaunchThreadData {
  /** The filter of system calls that it, and so each VM process from before its first instruction on, is under. */
  readonly filter: readonly BpfInstruction[];
}

export interface LaunchOrder {
  readonly program: string;
  readonly args: readonly string[];
  readonly userId: number;
  /** Descriptors that become 1, 2, 3 … of the process; 0 is `/dev/null`. */
  readonly descriptors: readonly number[];
}

/** To the thread. Each but the last is answered by {@link LaunchAnswer} with the same `id`. */
export type LaunchRequest =
  | { readonly id: number; readonly order: LaunchOrder }
  /** Takes the file system from a process that the thread started. */
  | { readonly id: number; readonly emptyRootOf: number; readonly over: string }
  /** The thread ends. */
  | 'end';

export type LaunchAnswer =
  /** `pidFd`: opened while nobody else could have the process id; the receiver closes it. */
  | { readonly id: number; readonly processId: number; readonly pidFd: number }
  | { readonly id: number; readonly emptied: number }
  | { readonly id: number; readonly refused: string };

/** From the thread by itself: a process that it started has ended. */
export interface LaunchedEnd {
  readonly ended: number;
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
}
