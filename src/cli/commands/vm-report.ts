import type { VmRunObserver, VmRunResult } from '../../host/index.ts';

/** What is told of a VM from its start to its end. */
export interface VmFacts {
  readonly name: string;
  readonly kernelName: string;
  readonly memoryBytes: number;
  readonly vcpus: number;
}

/** How a VM ended, of its own process or of this one. */
export interface RunEnd extends Pick<VmRunResult, 'crash' | 'restarts'> {
  /** `power-off`, `reset`, …; `gone`: its process ended without a word. */
  readonly kind: string;
  /** Undefined: its process doesn't tell. */
  readonly exits: VmRunResult['exits'] | undefined;
}

/** How a run is told: to people, with the guest's console between, or to programs. */
export interface VmReport extends Omit<VmRunObserver, 'started'> {
  started(): void;
  warning(text: string): void;
  ended(told: RunEnd, end: string, scriptExitCode: number | undefined): void;
  /** The last word of a run that went well. */
  succeeded(): void;
}
