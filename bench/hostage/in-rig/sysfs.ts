/** The host's plug and play by hand, as an administrator does it. What may block runs in a process of its own. */
import { spawn } from 'node:child_process';
import { existsSync, readlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 5;

export const pciDevice = (bdf: string): string => join('/sys/bus/pci/devices', bdf);
const pciDriver = (name: string): string => join('/sys/bus/pci/drivers', name);

export function driverOf(bdf: string): string | undefined {
  try {
    return basename(readlinkSync(join(pciDevice(bdf), 'driver')));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Writes in a child, which the kernel may hold for ever. */
export function write(path: string, text: string): Promise<void> {
  const child = spawn('/bin/sh', ['-c', 'echo "$1" >"$2"', 'sh', text, path], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let complaints = '';
  child.stderr.setEncoding('utf8').on('data', (part: string) => {
    complaints += part;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`echo "${text}" >${path}: ${complaints}`));
    });
  });
}

/** From whatever driver has it to vfio-pci. */
export async function bindToVfio(bdf: string): Promise<void> {
  const driver = driverOf(bdf);
  if (driver === 'vfio-pci') return;
  await write(join(pciDevice(bdf), 'driver_override'), 'vfio-pci');
  if (driver !== undefined) await write(join(pciDriver(driver), 'unbind'), bdf);
  await write('/sys/bus/pci/drivers_probe', bdf);
}

/** From vfio-pci to the host's driver. Blocks as long as a VM holds it. */
export async function bindToHost(bdf: string): Promise<void> {
  if (driverOf(bdf) === 'nvme') return;
  if (driverOf(bdf) !== undefined) await write(join(pciDriver('vfio-pci'), 'unbind'), bdf);
  await write(join(pciDevice(bdf), 'driver_override'), '');
  await write(join(pciDriver('nvme'), 'bind'), bdf);
}

export async function untilBound(bdf: string, driver: string, timeoutMs: number): Promise<void> {
  await until(`${bdf} with ${driver}`, timeoutMs, () => driverOf(bdf) === driver);
}

export async function untilPresent(bdf: string, timeoutMs: number): Promise<void> {
  await until(bdf, timeoutMs, () => existsSync(pciDevice(bdf)));
}

async function until(what: string, timeoutMs: number, isSo: () => boolean): Promise<void> {
  for (const end = performance.now() + timeoutMs; !isSo(); await delay(POLL_MS)) {
    if (performance.now() > end) throw new Error(`After ${timeoutMs} ms there was no ${what}.`);
  }
}
