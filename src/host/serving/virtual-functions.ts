import type { VirtualFunctionsPort } from '../manager/host-port.ts';
import type { Host } from '../moves/host-facts.ts';
import { createVirtualFunctions } from '../sriov/create-virtual-functions.ts';
import { removeVirtualFunctions } from '../sriov/remove-virtual-functions.ts';

/** The virtual functions of a host's physical ones, at the host's drivers when they are made. */
export function virtualFunctionsOf(host: Host): VirtualFunctionsPort {
  return {
    async shape(physicalFunction, { count, settings, drivenBy }) {
      // Those that are there may have other settings, and the kernel changes a count only by way of none.
      await removeVirtualFunctions(host, physicalFunction);
      if (count === 0) return;
      const perFunction = settings.map(({ queues, interrupts, mac, vlan, trust }) => ({
        ...(queues === undefined ? {} : { queues }),
        ...(interrupts === undefined ? {} : { interrupts }),
        ...(mac === undefined ? {} : { mac }),
        ...(vlan === undefined ? {} : { vlan }),
        ...(trust === undefined ? {} : { trust }),
      }));
      await createVirtualFunctions(host, { physicalFunction, count, perFunction, to: drivenBy });
    },
  };
}
