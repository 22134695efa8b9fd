import { routingEntryLayout as at, routingEntrySizeBytes, routingLayout } from './layouts.ts';

/** Where an interrupt source number (GSI) of a VM leads: to a pin of the emulated chips, or to an MSI. */
export type GsiRoute =
  | { readonly gsi: number; readonly to: 'pic-master' | 'pic-slave' | 'io-apic'; readonly pin: number }
  | { readonly gsi: number; readonly to: 'msi'; readonly address: bigint; readonly data: number };

/** Linux include/uapi/linux/kvm.h: KVM_IRQ_ROUTING_* and, in x86's kvm.h, KVM_IRQCHIP_*. */
const routeToChip = 1;
const routeToMsi = 2;
const chips = { 'pic-master': 0, 'pic-slave': 1, 'io-apic': 2 } as const;

/** GSIs below this lead to the emulated chips' pins. */
export const firstFreeGsi = 24;
/** KVM_MAX_IRQ_ROUTES. */
export const maxGsiRoutes = 4096;

/** The routes that a VM's irqchip starts with. Setting a table replaces all, so a table with MSIs starts with these. */
export function irqchipRoutes(): GsiRoute[] {
  const routes: GsiRoute[] = [];
  for (let gsi = 0; gsi < firstFreeGsi; gsi++) {
    if (gsi < 8) routes.push({ gsi, to: 'pic-master', pin: gsi });
    else if (gsi < 16) routes.push({ gsi, to: 'pic-slave', pin: gsi - 8 });
    routes.push({ gsi, to: 'io-apic', pin: gsi });
  }
  return routes;
}

/** struct kvm_irq_routing. */
export function encodeRouting(routes: readonly GsiRoute[]): Uint8Array {
  const bytes = new Uint8Array(routingLayout.entries + routes.length * routingEntrySizeBytes);
  const view = new DataView(bytes.buffer);
  view.setUint32(routingLayout.count, routes.length, true);
  routes.forEach((route, i) => {
    const start = routingLayout.entries + i * routingEntrySizeBytes;
    view.setUint32(start + at.gsi, route.gsi, true);
    if (route.to === 'msi') {
      view.setUint32(start + at.type, routeToMsi, true);
      view.setUint32(start + at.addressLow, Number(route.address & 0xffff_ffffn), true);
      view.setUint32(start + at.addressHigh, Number((route.address >> 32n) & 0xffff_ffffn), true);
      view.setUint32(start + at.data, route.data, true);
    } else {
      view.setUint32(start + at.type, routeToChip, true);
      view.setUint32(start + at.chip, chips[route.to], true);
      view.setUint32(start + at.pin, route.pin, true);
    }
  });
  return bytes;
}
