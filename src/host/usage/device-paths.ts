import { looksLikePciAddress, parsePciAddress } from '../../pci/index.ts';

/** The PCI function that a device's canonical sysfs path leads through last; undefined for virtual and platform devices. */
export function functionOnPath(devicePath: string): string | undefined {
  return devicePath.split('/').findLast((part) => looksLikePciAddress(part) && parsePciAddress(part).ok);
}

/** Adds to the list that a map keeps for a key. */
export function append<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const values = map.get(key);
  if (values === undefined) map.set(key, [value]);
  else values.push(value);
}
