import { NvmeStatus } from './status.ts';

/** What secondary controllers are given of: queue pairs (VQ, the admin queue counts) and interrupts (VI). */
type ResourceKind = 'queues' | 'interrupts';
/** By resource type, 5.22. */
const kinds: readonly ResourceKind[] = ['queues', 'interrupts'];

/** Actions of Virtualization Management, NVM Express Base Specification 1.4, 5.22. */
export const VirtualizationAction = {
  primaryFlexible: 0x1,
  secondaryOffline: 0x7,
  secondaryAssign: 0x8,
  secondaryOnline: 0x9,
} as const;
/** One queue pair for admin commands, and one for I/O; an interrupt. */
const least = { queues: 2, interrupts: 1 } as const;

/** The controller of the physical function. */
export const primaryControllerId = 0;
const structureBytes = 4096;
const entryBytes = 32;
const entriesPerList = 127;

export interface SharedResources {
  /** How many virtual functions there can be: their controllers are 1, 2, … */
  readonly virtualFunctions: number;
  /** Of both kinds, to be assigned; the primary controller's own are beside them. */
  readonly flexible: { readonly queues: number; readonly interrupts: number };
  /** Of both kinds, for one secondary controller. */
  readonly mostPerSecondary: { readonly queues: number; readonly interrupts: number };
}

export interface SecondaryController {
  readonly controllerId: number;
  readonly online: boolean;
  readonly queues: number;
  readonly interrupts: number;
}

type Secondary = { -readonly [Field in keyof SecondaryController]: SecondaryController[Field] };

/**
 * What the controllers of virtual functions have, and whether they work: NVM Express Base Specification 1.4, 8.5. A virtual function's
 * controller can be online while the function is enabled; it goes offline with its primary controller's resets.
 */
export class SecondaryControllers {
  readonly #shared: SharedResources;
  readonly #own: { readonly queues: number; readonly interrupts: number };
  readonly #secondaries: readonly Secondary[];
  readonly #changed: (secondary: SecondaryController) => void;
  #enabled = 0;

  /** `own`: what the primary controller has itself. `changed` hears of each that goes online or offline. */
  constructor(
    shared: SharedResources,
    own: { readonly queues: number; readonly interrupts: number },
    changed: (secondary: SecondaryController) => void,
  ) {
    this.#shared = shared;
    this.#own = own;
    this.#changed = changed;
    this.#secondaries = Array.from({ length: shared.virtualFunctions }, (_, index) => ({
      controllerId: index + 1,
      online: false,
      queues: 0,
      interrupts: 0,
    }));
  }

  /** By virtual function, from 1 on. */
  get(virtualFunction: number): SecondaryController | undefined {
    return this.#secondaries[virtualFunction - 1];
  }

  get enabled(): number {
    return this.#enabled;
  }

  /** So many virtual functions are there from now on; the controllers of others go offline. */
  enable(count: number): void {
    this.#enabled = Math.min(count, this.#secondaries.length);
    for (const secondary of this.#secondaries.slice(this.#enabled)) this.#setOnline(secondary, false);
  }

  /** The primary controller is reset or disabled. */
  takeAllOffline(): void {
    for (const secondary of this.#secondaries) this.#setOnline(secondary, false);
  }

  /** Virtualization Management: its status, and dword 0 of the completion, which says how many resources were changed. */
  manage(cdw10: number, cdw11: number): { readonly status: NvmeStatus; readonly result: number } {
    const [action, type, controllerId] = [cdw10 & 0xf, (cdw10 >>> 8) & 0x7, cdw10 >>> 16];
    const wrong = (status: NvmeStatus) => ({ status, result: 0 });
    // All flexible resources are the secondary controllers'.
    if (action === VirtualizationAction.primaryFlexible) {
      if (controllerId !== primaryControllerId) return wrong(NvmeStatus.invalidControllerIdentifier);
      return wrong((cdw11 & 0xffff) === 0 ? NvmeStatus.success : NvmeStatus.invalidNumberOfResources);
    }
    const secondary = controllerId === 0 ? undefined : this.#secondaries[controllerId - 1];
    switch (action) {
      case VirtualizationAction.secondaryOffline:
        if (secondary === undefined) return wrong(NvmeStatus.invalidControllerIdentifier);
        this.#setOnline(secondary, false);
        secondary.queues = 0;
        secondary.interrupts = 0;
        return wrong(NvmeStatus.success);
      case VirtualizationAction.secondaryAssign:
        if (secondary === undefined) return wrong(NvmeStatus.invalidControllerIdentifier);
        return this.#assign(secondary, kinds[type], cdw11 & 0xffff);
      case VirtualizationAction.secondaryOnline:
        if (secondary === undefined) return wrong(NvmeStatus.invalidControllerIdentifier);
        return wrong(this.#bringOnline(secondary));
      default:
        return wrong(NvmeStatus.invalidField);
    }
  }

  /** Primary Controller Capabilities (CNS 14h), figure 250. */
  capabilities(): Uint8Array {
    const bytes = new Uint8Array(structureBytes);
    const view = new DataView(bytes.buffer);
    view.setUint16(0, primaryControllerId, true);
    // Both kinds are flexible.
    view.setUint8(4, 0x3);
    for (const [index, kind] of kinds.entries()) {
      const at = 32 + 32 * index;
      view.setUint32(at, this.#shared.flexible[kind], true);
      view.setUint32(at + 4, this.#assigned(kind), true);
      view.setUint16(at + 10, this.#own[kind], true);
      view.setUint16(at + 12, this.#shared.mostPerSecondary[kind], true);
      view.setUint16(at + 14, 1, true);
    }
    return bytes;
  }

  /** Secondary Controller List (CNS 15h) from an id on, figures 251 and 252. */
  list(fromId: number): Uint8Array {
    const bytes = new Uint8Array(structureBytes);
    const view = new DataView(bytes.buffer);
    const listed = this.#secondaries.filter(({ controllerId }) => controllerId >= fromId).slice(0, entriesPerList);
    view.setUint8(0, listed.length);
    for (const [index, { controllerId, online, queues, interrupts }] of listed.entries()) {
      const at = entryBytes * (index + 1);
      view.setUint16(at, controllerId, true);
      view.setUint16(at + 2, primaryControllerId, true);
      view.setUint8(at + 4, online ? 1 : 0);
      view.setUint16(at + 8, controllerId, true);
      view.setUint16(at + 10, queues, true);
      view.setUint16(at + 12, interrupts, true);
    }
    return bytes;
  }

  #assign(secondary: Secondary, kind: ResourceKind | undefined, count: number) {
    if (kind === undefined) return { status: NvmeStatus.invalidField, result: 0 };
    if (secondary.online) return { status: NvmeStatus.invalidSecondaryState, result: 0 };
    if (count > this.#shared.mostPerSecondary[kind]) return { status: NvmeStatus.invalidNumberOfResources, result: 0 };
    const free = this.#shared.flexible[kind] - this.#assigned(kind) + secondary[kind];
    if (count > free) return { status: NvmeStatus.invalidResourceIdentifier, result: 0 };
    secondary[kind] = count;
    return { status: NvmeStatus.success, result: count };
  }

  #bringOnline(secondary: Secondary): NvmeStatus {
    const isThere = secondary.controllerId <= this.#enabled;
    if (!isThere || kinds.some((kind) => secondary[kind] < least[kind])) return NvmeStatus.invalidSecondaryState;
    this.#setOnline(secondary, true);
    return NvmeStatus.success;
  }

  #setOnline(secondary: Secondary, online: boolean): void {
    if (secondary.online === online) return;
    secondary.online = online;
    this.#changed(secondary);
  }

  #assigned(kind: ResourceKind): number {
    return this.#secondaries.reduce((sum, secondary) => sum + secondary[kind], 0);
  }
}
