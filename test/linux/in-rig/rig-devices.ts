import { existsSync } from 'node:fs';
import { linkName, list, writeAttribute } from '../../../src/linux/index.ts';

const devices = '/sys/bus/pci/devices';
const nvmeClass = '0x010802';

/** The rig's NVMe controllers, `0000:01:00.0` and so on. */
export function nvmeControllers(readClass: (bdf: string) => string): string[] {
  return list(devices).filter((bdf) => readClass(bdf) === nvmeClass);
}

/** Gives function `bdf` of the rig to `driver`, or to none. */
export function bindTo(bdf: string, driver: string | undefined): void {
  const device = `${devices}/${bdf}`;
  writeAttribute(`${device}/driver_override`, driver ?? '\n');
  if (existsSync(`${device}/driver`)) writeAttribute(`${device}/driver/unbind`, bdf);
  if (driver === undefined) return;
  writeAttribute('/sys/bus/pci/drivers_probe', bdf);
  const bound = linkName(`${device}/driver`);
  if (bound !== driver) throw new Error(`${bdf} was to be bound to ${driver} but is bound to ${bound ?? 'nothing'}`);
}
