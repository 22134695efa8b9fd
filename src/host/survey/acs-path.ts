import { ExpressPortType, acsIsolation } from '../../pci/index.ts';
import type { HostFunction, HostInventory } from '../inventory/host-function.ts';

/** How a port on the way up to the root treats what passes between functions below it. */
export interface AcsHop {
  readonly port: string;
  /**
   * `on`: everything goes up to the IOMMU. `off`: it could, but is not turned on. `none`: it can't. `bridge`: a conventional
   * bridge, which can't either. `pass`: an upstream switch port, where there is nothing to turn. `unread`: not known.
   */
  readonly state: 'on' | 'off' | 'none' | 'bridge' | 'pass' | 'unread';
}

/** From the root port down to the port right above the function; empty for one that sits on the root bus. */
export function acsPath(inventory: HostInventory, fn: HostFunction): AcsHop[] {
  return fn.bridges.map((port) => ({ port, state: stateOf(inventory.functions.get(port)) }));
}

function stateOf(port: HostFunction | undefined): AcsHop['state'] {
  const capabilities = port?.capabilities;
  if (capabilities === undefined) return 'unread';
  const { expressPortType, acs } = capabilities;
  if (expressPortType === ExpressPortType.upstreamSwitchPort) return 'pass';
  if (expressPortType !== ExpressPortType.rootPort && expressPortType !== ExpressPortType.downstreamSwitchPort)
    return 'bridge';
  if (acs === 'unread') return 'unread';
  if (acs === undefined) return 'none';
  // What a port doesn't offer to turn on is always on in it (PCI Express Base Specification, "ACS Capability Register").
  const controllable = acsIsolation & acs.supported;
  return (acs.enabled & controllable) === controllable ? 'on' : 'off';
}
