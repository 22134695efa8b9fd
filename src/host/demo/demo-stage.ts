/** What the demo is shown on: who takes functions from the host, and who runs the guest. */
export interface DemoStage {
  /** Takes a function from the host's driver. Gives what was done, in words. */
  dismount(name: string): Promise<string>;
  /** Starts the guest, whose first process is the demo's script; `heard` is told of it from its first byte on. */
  boot(heard: DemoVmListener): Promise<DemoVm>;
  /** Resolves when the function that the guest has given back has its host's driver again. Gives what was done, in words. */
  mounted(name: string): Promise<string>;
  /** After the guest's end: what of it is left on this host, in words. */
  left(): Promise<string>;
}

export interface DemoVmListener {
  readonly console: (bytes: Uint8Array) => void;
  /** It has ended; `failure`: not in the way that a guest should. */
  readonly ended: (how: string, failure: Error | undefined) => void;
}

/** The demo's guest, as who runs it offers it. */
export interface DemoVm {
  /** The process whose threads are its vCPUs. */
  readonly processId: number;
  type(text: string): void;
  /** Resolves when the function has been offered. */
  lend(name: string): Promise<void>;
  /** How often KVM has gone to user space so far, all vCPUs. */
  exits(): Promise<number>;
  /** Asks the guest for a function. Resolves when nothing of it is open any more: whether the guest gave it, or it was taken. */
  eject(name: string, deadlineMs: number): Promise<'given' | 'taken'>;
  /** Resolves when it has ended. Gives how, as it continues "the guest ended:", and whether it powered off. */
  end(): Promise<{ readonly poweredOff: boolean; readonly how: string }>;
  /** Ends it at once, if it still runs. */
  stop(): Promise<void>;
}
