import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import {
  adoptDmaDomain,
  adoptVfioDevice,
  type DmaDomainHandles,
  FdSocket,
  openVfioDevice,
  raiseMemlock,
  readAttribute,
  SharedMemory,
  userId,
  type VfioBackendKind,
  VfioError,
} from '../../../src/linux/index.ts';
import { NvmeProbe, nvmeMemorySizeBytes } from './nvme-probe.ts';
import { bindTo, nvmeControllers } from './rig-devices.ts';

const backend = (process.env['VFIO_BACKEND'] ?? 'container') as VfioBackendKind;
const nobody = 65534;
const socketInChild = 3;
const guestBase = 0x10_0000;
const tooMuchBytes = 64 * 1024 * 1024;
const defaultMemlockBytes = 8 * 1024 * 1024;

interface Handover {
  readonly bdf: string;
  readonly domain: DmaDomainHandles;
}

/** What the unprivileged process reports. */
interface Report {
  readonly user: number;
  readonly vendor: number;
  readonly refusal: { readonly code: string; readonly message: string } | undefined;
}

if (process.env['HANDOVER_CHILD'] !== undefined) await child();
else parent();

/** Drives a device by nothing but the descriptors it is sent. */
async function child(): Promise<void> {
  const socket = FdSocket.fromFd(socketInChild);
  const message = socket.receive();
  assert.ok(message !== undefined && message !== 'closed');
  const { bdf, domain: sent } = JSON.parse(new TextDecoder().decode(message.payload)) as Handover;
  const [domainFd, deviceFd, kvmFileFd] = message.fds;
  assert.ok(domainFd !== undefined && deviceFd !== undefined && kvmFileFd !== undefined);
  const domain = adoptDmaDomain({ ...sent, fd: domainFd });
  const device = adoptVfioDevice({ bdf, deviceFd, kvmFileFd: backend === 'iommufd' ? deviceFd : kvmFileFd }, domain);
  const memory = SharedMemory.create('guest', nvmeMemorySizeBytes);
  domain.mapDma(guestBase, memory.sizeBytes, memory.address);
  device.writeConfig(4, 2, 6);
  const probe = new NvmeProbe(device, memory, guestBase);
  await probe.enable();
  probe.submitIdentify();
  assert.equal(await probe.completion(), 0);
  const report: Report = { user: userId(), vendor: probe.identifyVendor, refusal: mapTooMuch(domain) };
  socket.send(new TextEncoder().encode(JSON.stringify(report)));
  device.close();
  domain.close();
  memory.close();
  socket.close();
}

function mapTooMuch(domain: ReturnType<typeof adoptDmaDomain>): Report['refusal'] {
  const large = SharedMemory.create('large', tooMuchBytes);
  try {
    domain.mapDma(1 << 30, large.sizeBytes, large.address);
    return undefined;
  } catch (error) {
    if (error instanceof VfioError) return { code: error.code, message: error.message };
    throw error;
  }
}

async function handOver(bdf: string, memlockBytes: number): Promise<Report> {
  const device = openVfioDevice({ bdf, backend });
  const [mine, theirs] = FdSocket.pair();
  const asNobody = ['setpriv', `--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups'];
  const self = [process.execPath, new URL(import.meta.url).pathname];
  const unprivileged = spawn('prlimit', [`--memlock=${memlockBytes}`, ...asNobody, ...self], {
    env: { ...process.env, HANDOVER_CHILD: '1', NODE_TEST_CONTEXT: undefined },
    stdio: ['ignore', 'inherit', 'inherit', theirs.fd],
  });
  theirs.close();
  const { handles, domain } = device;
  const sent: Handover = { bdf, domain: domain.handles };
  mine.send(new TextEncoder().encode(JSON.stringify(sent)), [domain.handles.fd, handles.deviceFd, handles.kvmFileFd]);
  device.close();
  domain.close();
  const report = new Promise<Report>((resolve, reject) => {
    mine.onReadable(() => {
      const message = mine.receive();
      if (message === undefined) return;
      if (message === 'closed') {
        mine.close();
        reject(new Error('the unprivileged process ended without a report'));
        return;
      }
      resolve(JSON.parse(new TextDecoder().decode(message.payload)) as Report);
    });
  });
  const exit = once(unprivileged, 'exit');
  try {
    return await report;
  } finally {
    assert.deepEqual(await exit, [0, null]);
    mine.close();
  }
}

function parent(): void {
  const [bdf] = nvmeControllers((function_) => readAttribute(`/sys/bus/pci/devices/${function_}/class`));
  assert.ok(bdf !== undefined);

  test('a process without privileges drives a device from the descriptors it was sent', async () => {
    bindTo(bdf, 'vfio-pci');
    const report = await handOver(bdf, defaultMemlockBytes);
    assert.equal(report.user, nobody);
    assert.equal(report.vendor, 0x1b36);
  });

  test('memory that may not be locked is refused with the limit that is needed', async () => {
    const { refusal } = await handOver(bdf, defaultMemlockBytes);
    assert.equal(refusal?.code, 'vfio-memlock-too-low');
    const needed = tooMuchBytes + nvmeMemorySizeBytes;
    assert.match(refusal?.message ?? '', new RegExp(`may lock ${defaultMemlockBytes} bytes; ${needed} are needed`));
    const enough = await handOver(bdf, needed);
    assert.equal(enough.refusal, undefined, 'the limit it names is enough');
  });

  test('the limit can be raised by who has the privilege', () => {
    assert.equal(raiseMemlock(2 ** 40).soft >= 2 ** 40, true);
  });
}
