import type { MsiMessage } from '../../functions/index.ts';
import type { ConfigWindowPlan } from '../config-window.ts';
import type { InterruptTarget } from '../interrupt-tokens.ts';
import type { EjectionOutcome, VpciLogEntry, VpciPort } from '../port.ts';
import type { Slot } from '../slot.ts';

/** A machine that believes what the provider tells it and notices when that can't be so. */
export class FakeMachine implements VpciPort {
  /** Where the config window is mapped, and how. */
  window: { readonly gpa: number; readonly plan: ConfigWindowPlan } | undefined;
  /** What mapConfigWindow answers. */
  windowAnswer: true | number = true;
  /** By message, as text: where interrupts go. */
  readonly targets = new Map<string, InterruptTarget>();
  /** How many times a target changed. */
  targetChanges = 0;
  readonly ejections: { readonly slot: Slot; readonly outcome: EjectionOutcome }[] = [];
  onEjection: (slot: Slot) => void = () => undefined;
  releases = 0;
  readonly log: (entry: VpciLogEntry) => void;
  readonly logged: VpciLogEntry[] = [];

  constructor() {
    this.log = (entry) => this.logged.push(entry);
  }

  mapConfigWindow(gpa: number, plan: ConfigWindowPlan): true | number {
    if (this.window !== undefined) throw new Error('a second config window');
    if (this.windowAnswer === true) this.window = { gpa, plan };
    return this.windowAnswer;
  }

  configWindowChanged(plan: ConfigWindowPlan): void {
    if (this.window === undefined) throw new Error('a window changed that is not mapped');
    this.window = { gpa: this.window.gpa, plan };
  }

  unmapConfigWindow(): void {
    if (this.window === undefined) throw new Error('a window unmapped that is not mapped');
    this.window = undefined;
  }

  interruptTargetChanged(message: MsiMessage, target: InterruptTarget | undefined): void {
    const key = `${message.address.toString(16)}/${message.data}`;
    const old = this.targets.get(key);
    if (JSON.stringify(old) === JSON.stringify(target)) throw new Error(`told of a change that is none: ${key}`);
    this.targetChanges += 1;
    if (target === undefined) this.targets.delete(key);
    else this.targets.set(key, target);
  }

  ejectionCompleted(slot: Slot, outcome: EjectionOutcome): void {
    this.ejections.push({ slot, outcome });
    this.onEjection(slot);
  }

  released(): void {
    this.releases += 1;
  }
}
