import type { MsixControl } from './config-state.ts';
import type { InterruptKind } from './function-backend.ts';
import type { MsiMessage } from './function.ts';
import type { GuardedBackend } from './guarded-backend.ts';
import { msiMessages } from './msi.ts';
import type { MsiState } from './msi.ts';
import type { MessageListener, MsixTable } from './msix-table.ts';

const msixOff: MsixControl = { enabled: false, functionMasked: false };

/**
 * Brings together what the guest has programmed (messages) and what the borrower has connected (eventfds): a vector is
 * wired to the function once it has both, and stays wired while it is masked. MSI-X is on at the function while the guest
 * has it on, with or without vectors: a device may look at that when its driver starts it, and not again (QEMU 10's NVMe
 * virtual functions do).
 */
export class InterruptVectors {
  readonly #backend: Pick<GuardedBackend, 'enableMsix' | 'connectVector' | 'disableVectors'>;
  readonly #listener: MessageListener;
  readonly #eventFds = new Map<number, number>();
  readonly #wired = new Set<number>();
  readonly #messages = new Map<number, MsiMessage>();
  #kind: InterruptKind | undefined;
  #expectedCount = 0;

  constructor(
    backend: Pick<GuardedBackend, 'enableMsix' | 'connectVector' | 'disableVectors'>,
    listener: MessageListener,
  ) {
    this.#backend = backend;
    this.#listener = listener;
  }

  /** What the guest's view of configuration space says now. `table`: undefined for functions without MSI-X. */
  program(msi: MsiState, msix: MsixControl, table: MsixTable | undefined): void {
    const kind = msix.enabled ? 'msix' : msi.enabled ? 'msi' : undefined;
    const expectedCount = kind === 'msi' ? msi.vectorCount : 0;
    if (kind !== this.#kind || expectedCount !== this.#expectedCount) {
      if (this.#kind === 'msi') this.#setMessages([]);
      if (this.#kind === 'msix') table?.setControl(msixOff);
      this.#unwire();
      this.#kind = kind;
      this.#expectedCount = expectedCount;
      if (kind === 'msix') this.#backend.enableMsix();
    }
    if (kind === 'msix') table?.setControl(msix);
    if (kind === 'msi') this.#setMessages(msiMessages(msi));
  }

  /** What one vector may fire with; the MSI-X table reports here. */
  messageChanged(vector: number, message: MsiMessage | undefined): void {
    if (message === undefined) this.#messages.delete(vector);
    else this.#messages.set(vector, message);
    this.#wire(vector);
    this.#listener(vector, message);
  }

  connect(vector: number, eventFd: number | undefined): void {
    if (this.#eventFds.get(vector) === eventFd) return;
    if (eventFd === undefined) this.#eventFds.delete(vector);
    else this.#eventFds.set(vector, eventFd);
    if (this.#kind === undefined || !this.#wired.has(vector)) {
      this.#wire(vector);
      return;
    }
    this.#backend.connectVector(this.#kind, vector, eventFd, this.#expectedCount);
    if (eventFd === undefined) this.#wired.delete(vector);
  }

  /** For the end of an assignment: nothing is connected and nothing programmed any more, and nobody is told. */
  forget(): void {
    this.#eventFds.clear();
    this.#messages.clear();
    this.#wired.clear();
    this.#kind = undefined;
    this.#expectedCount = 0;
  }

  #setMessages(next: readonly (MsiMessage | undefined)[]): void {
    const count = Math.max(next.length, ...[...this.#messages.keys()].map((vector) => vector + 1));
    for (let vector = 0; vector < count; vector += 1) {
      const old = this.#messages.get(vector);
      const message = next[vector];
      if (old?.address !== message?.address || old?.data !== message?.data) this.messageChanged(vector, message);
    }
  }

  /** The eventfds stay known, and are wired again with the vector's next message. */
  #unwire(): void {
    if (this.#kind === 'msix' || this.#wired.size > 0) this.#backend.disableVectors();
    this.#wired.clear();
  }

  #wire(vector: number): void {
    const eventFd = this.#eventFds.get(vector);
    if (this.#kind === undefined || eventFd === undefined) return;
    if (this.#wired.has(vector) || !this.#messages.has(vector)) return;
    this.#backend.connectVector(this.#kind, vector, eventFd, this.#expectedCount);
    this.#wired.add(vector);
  }
}
