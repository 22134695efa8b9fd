/** The demo's steps, in this order. The first is only there where the host itself is started for the demo. */
export const demoSteps = [
  'boot-rig',
  'survey',
  'dismount',
  'boot-guest',
  'hot-add',
  'write',
  'read',
  'eject',
  'mount',
  'verify',
  'shut-down',
] as const;
export type DemoStep = (typeof demoSteps)[number];

export interface StepTime {
  readonly name: DemoStep;
  readonly ms: number;
}

/** What a demo has shown. */
export interface DemoResult {
  /** As the guest's `uname -r` prints it. */
  readonly guestKernel: string;
  readonly cpus: number;
  /** Address of the function that was lent. */
  readonly function: string;
  readonly bytesWritten: number;
  /** Bytes that the host read back after the return, and whose checksum was the guest's. */
  readonly bytesVerifiedOnHost: number;
  /** Direct 4-KiB reads that were counted, and how long they took by the guest's clock. */
  readonly reads: number;
  readonly readsMs: number;
  /** Interrupts of the function that the guest's CPUs took during the reads. */
  readonly interrupts: number;
  /** Exits to user space during the reads, all vCPUs: dda's own count or KVM's, whichever is larger. */
  readonly userspaceExits: number;
  /** The same as KVM's own tracepoint counted it; null where this host doesn't offer that. */
  readonly exitsTracedByKvm: number | null;
}

/** What happens during a demo, as plain JSON. */
export type DemoEvent =
  | { readonly event: 'step-started'; readonly name: DemoStep }
  /** `shown`: what was to be seen, one line each. */
  | { readonly event: 'step-ended'; readonly name: DemoStep; readonly ms: number; readonly shown: readonly string[] }
  /** From the guest's serial port: unchecked text. */
  | { readonly event: 'console'; readonly text: string }
  | { readonly event: 'notice'; readonly text: string };
