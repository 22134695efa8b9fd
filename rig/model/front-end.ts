import type { ClientChannel, Guid } from '../../src/vmbus/index.ts';
import { type FunctionDriver, type GuestPlatform, LinuxBus, PnpManager } from '../../src/vpci/index.ts';

/** Whose way of running a vPCI bus. */
export const frontEndKinds = ['linux-style', 'windows-style'] as const;
export type FrontEndKind = (typeof frontEndKinds)[number];

/** A front end, whichever. */
export interface FrontEnd {
  /** The offer is there. */
  start(): void;
  /** The offer was taken back. */
  rescinded(): void;
  /** The vPCI version that was agreed on. */
  readonly version: number | undefined;
  /** How many functions have a driver that runs. */
  readonly driven: number;
}

export interface FrontEndOptions {
  readonly platform: GuestPlatform;
  readonly instanceId: Guid;
  readonly open: () => ClientChannel;
  readonly drivers: readonly FunctionDriver[];
  /** It has let go of an offer that was taken back. */
  readonly onReleased: () => void;
}

export function createFrontEnd(kind: FrontEndKind, options: FrontEndOptions): FrontEnd {
  if (kind === 'linux-style') {
    const bus = new LinuxBus(options);
    return {
      start: () => bus.bind(),
      rescinded: () => bus.rescinded(),
      get version() {
        return bus.version;
      },
      get driven() {
        return bus.core?.driven.length ?? 0;
      },
    };
  }
  const manager = new PnpManager(options);
  return {
    start: () => manager.start(),
    rescinded: () => manager.rescinded(),
    get version() {
      return manager.bus.version;
    },
    get driven() {
      return manager.driven.length;
    },
  };
}
