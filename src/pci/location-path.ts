/** One step down from a bus: the device and function number of a bridge, or of the function itself. */
export interface LocationHop {
  /** 0…31. */
  readonly device: number;
  /** 0…7. */
  readonly function: number;
}

/**
 * The name by which Windows (and so Hyper-V's administrators) know a function: `PCIROOT(0)#PCI(0100)#PCI(0000)`. Unlike
 * a bus number it doesn't change when firmware or hot-plug numbers the buses anew.
 *
 * `rootNumber`: the root bus, written in hexadecimal. `hops`: from the root bus down, bridges first, the function last.
 */
export function locationPath(rootNumber: number, hops: readonly LocationHop[]): string {
  const steps = hops.map((hop) => `#PCI(${hex2(hop.device)}${hex2(hop.function)})`);
  return `PCIROOT(${rootNumber.toString(16).toUpperCase()})${steps.join('')}`;
}

function hex2(value: number): string {
  return value.toString(16).toUpperCase().padStart(2, '0');
}
