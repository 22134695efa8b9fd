import type { GuestMap } from '../boot/index.ts';
import type { MsiRoutes } from '../interrupts/msi-routes.ts';
import type { DoorbellVm } from './bar-doorbells.ts';
import type { AddressMap } from '../memory/address-map.ts';
import type { GuestRam } from '../memory/guest-ram.ts';
import type { MemorySlots } from '../memory/memory-slots.ts';
import type { SharedMemory } from '../../linux/index.ts';
import type { VpciLogEntry, VpciVersion } from '../../vpci/index.ts';
import type { VmbusServer } from '../../vmbus/index.ts';

/** What an assignment uses of its machine. */
export interface MachineServices {
  readonly map: GuestMap;
  readonly ram: GuestRam;
  readonly slots: MemorySlots;
  readonly addresses: AddressMap;
  readonly routes: MsiRoutes;
  readonly doorbells: DoorbellVm;
  readonly vmbus: VmbusServer;
  /** One page of guest-writable memory behind every config window's slot selector: a bus of one function has nothing to select. */
  readonly selectorPage: SharedMemory;
  readonly vpciMaxVersion: VpciVersion | undefined;
  readonly vcpus: number;
  log(entry: VpciLogEntry): void;
}
