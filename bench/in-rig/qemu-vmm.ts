import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { QmpClient } from '../../rig/qmp-client.ts';
import type { Installed } from './programs-in-memory.ts';
import type { GuestFiles, Vmm } from './vmm.ts';
import { startVmm } from './vmm-process.ts';

const DEVICE_ID = 'lent';
const EJECT_TIMEOUT_MS = 60_000;

/**
 * What makes QEMU's guest start fastest here, of what was tried (docs/performance.md): the unpacked kernel by its PVH
 * entry, the qboot firmware instead of SeaBIOS, and a q35 without the devices that nobody uses. Not microvm: it has no PCI.
 */
function qemuArguments(guest: GuestFiles, monitor: string, devices: readonly string[]): string[] {
  return [
    ...['-accel', 'kvm', '-cpu', 'host', '-smp', '1', '-m', String(guest.memoryMib)],
    ...['-machine', 'q35,hpet=off,smbus=off,sata=off,usb=off,graphics=off,vmport=off,i8042=off'],
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot', '-bios', 'qboot.rom'],
    ...['-kernel', guest.vmlinux, '-initrd', guest.initrd, '-append', guest.commandLine],
    ...['-chardev', 'stdio,id=console,signal=off', '-serial', 'chardev:console'],
    ...['-chardev', `socket,id=monitor,path=${monitor}`, '-mon', 'chardev=monitor,mode=control'],
    ...['-device', 'pcie-root-port,id=slot1,bus=pcie.0,chassis=1,slot=1'],
    ...devices,
  ];
}

/** As the machine has it. */
const QEMU: Installed = { program: 'qemu-system-x86_64', args: [], env: process.env };

/** A guest of QEMU, which hot-adds function `bdf` by vfio-pci behind a root port. `devices`: what it has beside. */
export async function startQemu(
  guest: GuestFiles,
  bdf: string,
  { qemu = QEMU, devices = [] }: { readonly qemu?: Installed; readonly devices?: readonly string[] } = {},
): Promise<Vmm> {
  const path = join(tmpdir(), `bench-monitor-${process.pid}`);
  rmSync(path, { force: true });
  const server = createServer().listen(path);
  await once(server, 'listening');
  const connection = once(server, 'connection') as Promise<[Socket]>;
  const { child, console, startedAt, complaints } = startVmm(
    qemu.program,
    [...qemu.args, ...qemuArguments(guest, path, devices)],
    qemu.env,
  );
  const monitor = connection.then(async ([socket]) => {
    server.close();
    const client = new QmpClient(socket);
    await client.negotiate();
    return client;
  });
  // Who asks for something gets the error; if nobody does, the console tells that QEMU is gone.
  monitor.catch(() => undefined);
  return {
    process: child,
    console,
    startedAt,
    complaints,
    ready: async () => void (await monitor),
    add: async () => {
      await (await monitor).execute('device_add', { driver: 'vfio-pci', host: bdf, id: DEVICE_ID, bus: 'slot1' });
    },
    eject: async (timeoutMs = EJECT_TIMEOUT_MS) => {
      const client = await monitor;
      const { promise: deleted, resolve, reject } = Promise.withResolvers<void>();
      const forget = client.onEvent(({ event, data }) => {
        if (event === 'DEVICE_DELETED' && data['device'] === DEVICE_ID) resolve();
      });
      const timer = setTimeout(() => reject(new Error('QEMU sent no DEVICE_DELETED.')), timeoutMs);
      try {
        await Promise.all([client.execute('device_del', { id: DEVICE_ID }), deleted]);
      } finally {
        clearTimeout(timer);
        forget();
      }
    },
    ownExits: async () => undefined,
    kill: () => {
      server.close();
      child.kill('SIGKILL');
    },
  };
}
