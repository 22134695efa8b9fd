import { once } from 'node:events';
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { type Server, type Socket, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { chooseAccelerator } from './accelerator.ts';
import { AgentClient } from './agent-client.ts';
import { buildInitramfs } from './initramfs.ts';
import { type KernelSeries, type UnpackedKernel, startableKernel, unpackedKernel } from './kernels.ts';
import { REPOSITORY, cacheDirectory } from './paths.ts';
import {
  type Accelerator,
  MAX_DEVICES,
  type MachineDescription,
  type RigDevice,
  allDevices,
  networkCard,
  nvmeController,
  qemuArguments,
} from './qemu-arguments.ts';
import { QemuProcess } from './qemu-process.ts';
import { QmpClient } from './qmp-client.ts';
import { Rig } from './rig.ts';
import { RigError, RigErrorCode, noSuchDevice } from './rig-error.ts';

const DEFAULT_NVME_CONTROLLERS = 1;
const DEFAULT_MEMORY_MIB = 4096;
const KNOCK_MS = 1_000;
/**
 * With network cards no memory may lie above 4 GiB: with some there, the firmware puts 64-bit BARs above it too, and QEMU 10
 * before 10.0.6 maps those of virtual functions by the lower half of their addresses. This machine splits memory at 2816 MiB.
 */
const CARDS_DEFAULT_MEMORY_MIB = 2560;
const CARDS_MOST_MEMORY_MIB = 2815;
const KERNEL_ARGUMENTS = ['console=ttyS0', 'loglevel=5', 'panic=-1', 'no_timer_check', 'mitigations=off'];
const IOMMU_ARGUMENTS = ['intel_iommu=on', 'iommu=nopt'];

export interface RigOptions {
  /** Default 4096; with network cards 2560, and at most 2815. */
  readonly memoryMib?: number;
  /** Default 1; docs/rig.md says why more is a risk under emulation. */
  readonly cpus?: number;
  /** Controllers `nvme0`, `nvme1`, …, each with SR-IOV and one namespace. Default 1. */
  readonly nvmeControllers?: number;
  /** Size of each namespace. Default 1024. */
  readonly nvmeSizeMib?: number;
  /** Default true. Without one no function can be lent to a VM. */
  readonly iommu?: boolean;
  /** The rig's own kernel. Default `6.1`. */
  readonly kernel?: KernelSeries;
  /** Network cards `nic0`, `nic1`, …, each with SR-IOV, on one network that leads nowhere else. Default 0. */
  readonly networkCards?: number;
  /** QEMU's program; default `qemu-system-x86_64`, or with network cards the newer one that set-up brings. */
  readonly qemu?: string;
  /** More PCI devices. */
  readonly devices?: readonly RigDevice[];
  /** Ids of devices that are not there until they are plugged. */
  readonly absent?: readonly string[];
  /** Directories under `/tmp` that the rig shows as they are on this machine, besides the checkout, the cache and Node's. */
  readonly keep?: readonly string[];
  /** Default: KVM where it can run guests that are KVM hosts, else software emulation. */
  readonly accelerator?: Accelerator;
  /** Default 180,000. */
  readonly bootTimeoutMs?: number;
}

/**
 * Boots a rig.
 * @throws RigError `rig-missing-part`, `rig-bad-option`, `rig-boot-failed`.
 */
export async function bootRig(options: RigOptions = {}): Promise<Rig> {
  checkOptions(options);
  const accelerator = options.accelerator ?? chooseAccelerator();
  const program = findProgram(options.qemu ?? (cardCount(options) > 0 ? newerQemu() : SYSTEM_QEMU));
  const kernel = unpackedKernel(options.kernel ?? '6.1');
  const runDirectory = mkdtempSync(join(tmpdir(), 'dda-rig-'));
  let run: PreparedRun;
  try {
    run = await prepareRun(options, kernel, accelerator, runDirectory);
  } catch (error) {
    rmSync(runDirectory, { recursive: true });
    throw error;
  }
  const qemu = new QemuProcess(program, qemuArguments(run.machine), runDirectory, run.machine.consoleFile);
  try {
    return await firstOf(connect(run, qemu, options.absent ?? []), qemu.ended, options.bootTimeoutMs ?? 180_000);
  } catch (error) {
    qemu.kill();
    const reason = await qemu.ended;
    const detail = error instanceof RigError && error.code !== RigErrorCode.died ? error.message : reason;
    throw new RigError(
      RigErrorCode.bootFailed,
      `The rig did not come up: ${detail}${advice(accelerator)}\n--- console\n${qemu.console().slice(-4000)}`,
      { cause: error },
    );
  } finally {
    run.monitor.server.close();
    run.agent.server.close();
  }
}

interface PreparedRun {
  readonly machine: MachineDescription;
  readonly monitor: Listener;
  readonly agent: Listener;
}

/** Puts what QEMU needs into the directory of this run. */
async function prepareRun(
  options: RigOptions,
  kernel: UnpackedKernel,
  accelerator: Accelerator,
  directory: string,
): Promise<PreparedRun> {
  const inRun = (name: string): string => join(directory, name);
  const consoleFile = inRun('console.log');
  writeFileSync(consoleFile, '');
  const initramfs = inRun('initramfs.cpio');
  const modules = cardCount(options) > 0 ? ['igb'] : [];
  const settings = { kernel, path: rigPath(), keep: hiddenDirectories(options.keep ?? []), modules };
  writeFileSync(initramfs, buildInitramfs(settings));
  const nvmeControllers = Array.from({ length: options.nvmeControllers ?? DEFAULT_NVME_CONTROLLERS }, (_, index) =>
    nvmeController(index, inRun(`nvme${index}.img`)),
  );
  for (const { imageFile } of nvmeControllers) {
    writeFileSync(imageFile, '');
    truncateSync(imageFile, (options.nvmeSizeMib ?? 1024) * 1024 * 1024);
  }
  const compileCache = join(cacheDirectory(), 'rig-compile-cache');
  mkdirSync(compileCache, { recursive: true });
  const kernelImage = await startableKernel(kernel);
  const monitor = await listen(inRun('monitor'));
  const agent = await listen(inRun('agent'));
  const { iommu = true } = options;
  const machine: MachineDescription = {
    accelerator,
    memoryMib: options.memoryMib ?? (cardCount(options) > 0 ? CARDS_DEFAULT_MEMORY_MIB : DEFAULT_MEMORY_MIB),
    cpus: options.cpus ?? 1,
    kernelImage,
    initramfs,
    kernelArguments: [...KERNEL_ARGUMENTS, ...(iommu ? IOMMU_ARGUMENTS : [])],
    iommu,
    monitorSocket: monitor.path,
    agentSocket: agent.path,
    consoleFile,
    compileCache,
    nvmeControllers,
    networkCards: Array.from({ length: cardCount(options) }, (_, index) => networkCard(index)),
    devices: options.devices ?? [],
  };
  return { machine, monitor, agent };
}

async function connect(
  { machine, monitor, agent }: PreparedRun,
  qemu: QemuProcess,
  absent: readonly string[],
): Promise<Rig> {
  const [monitorSocket, agentSocket] = await Promise.all([monitor.connection, agent.connection]);
  const monitorClient = new QmpClient(monitorSocket);
  const agentClient = new AgentClient(agentSocket);
  await monitorClient.negotiate();
  await agentClient.ready;
  // An emulated rig only: see docs/rig.md, "Knocks".
  if (machine.accelerator === 'tcg') agentClient.knockEvery(KNOCK_MS);
  const rig = new Rig({ qemu, monitor: monitorClient, agent: agentClient, devices: allDevices(machine) });
  for (const id of absent) await rig.unplug(id);
  qemu.removeRunDirectory();
  return rig;
}

/** What the run needs of the directories over which the rig lays a file system of its own. */
function hiddenDirectories(keep: readonly string[]): string[] {
  const needed = [REPOSITORY, cacheDirectory(), nodeDirectory(), process.cwd(), ...keep];
  return [...new Set(needed)].filter((path) => /^\/(tmp|run)\//.test(path)).toSorted();
}

const advice = (accelerator: Accelerator): string =>
  accelerator === 'kvm' ? ' If KVM does not work on this machine, set DDA_RIG_ACCEL=tcg.' : '';

async function firstOf(rig: Promise<Rig>, ended: Promise<string>, timeoutMs: number): Promise<Rig> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(new RigError(RigErrorCode.bootFailed, `its agent had not answered after ${timeoutMs} ms.`)),
    timeoutMs,
  );
  const dead = ended.then((reason) => {
    throw new RigError(RigErrorCode.bootFailed, reason);
  });
  try {
    return await Promise.race([rig, dead, late]);
  } finally {
    clearTimeout(timer);
    dead.catch(() => undefined);
    rig.catch(() => undefined);
  }
}

/** Ids of the devices that a rig with these options has. */
export function deviceIds(options: RigOptions): string[] {
  const { nvmeControllers = DEFAULT_NVME_CONTROLLERS, devices = [] } = options;
  return [
    ...Array.from({ length: nvmeControllers }, (_, index) => `nvme${index}`),
    ...Array.from({ length: cardCount(options) }, (_, index) => `nic${index}`),
    ...devices.map(({ id }) => id),
  ];
}

const cardCount = (options: RigOptions): number => options.networkCards ?? 0;

function checkOptions(options: RigOptions): void {
  const nvmeCount = options.nvmeControllers ?? DEFAULT_NVME_CONTROLLERS;
  const wholeNumbers = { memoryMib: options.memoryMib, cpus: options.cpus, nvmeSizeMib: options.nvmeSizeMib };
  for (const [name, value] of Object.entries(wholeNumbers)) {
    if (value !== undefined && !(Number.isInteger(value) && value > 0))
      throw new RigError(RigErrorCode.badOption, `${name} is ${value}; it must be a whole number above 0.`);
  }
  const cards = cardCount(options);
  if (cards > 0 && (options.memoryMib ?? 0) > CARDS_MOST_MEMORY_MIB) {
    throw new RigError(
      RigErrorCode.badOption,
      `memoryMib is ${options.memoryMib}; with network cards it can be at most ${CARDS_MOST_MEMORY_MIB}, so that their virtual functions lie where QEMU finds them.`,
    );
  }
  const count = nvmeCount + cards + (options.devices?.length ?? 0);
  if (![nvmeCount, cards].every((each) => Number.isInteger(each) && each >= 0) || count > MAX_DEVICES) {
    throw new RigError(
      RigErrorCode.badOption,
      `A rig has room for 0 to ${MAX_DEVICES} devices behind root ports; ${count} were asked for.`,
    );
  }
  const ids = deviceIds(options);
  for (const id of options.absent ?? []) if (!ids.includes(id)) throw noSuchDevice(id, ids);
}

const SYSTEM_QEMU = 'qemu-system-x86_64';

/** What set-up has unpacked, or else the machine's own, where set-up found that one to be new enough. */
function newerQemu(): string {
  const unpacked = join(cacheDirectory(), 'qemu/10/qemu-system-x86_64');
  return existsSync(unpacked) ? unpacked : SYSTEM_QEMU;
}

function findProgram(name: string): string {
  const candidates = name.includes('/')
    ? [name]
    : (process.env['PATH'] ?? '').split(delimiter).map((directory) => join(directory, name));
  const found = candidates.find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
  if (found !== undefined) return found;
  throw new RigError(
    RigErrorCode.missingPart,
    `The rig needs ${name} and PATH has none. Run 'npm run setup', which installs QEMU.`,
  );
}

const nodeDirectory = (): string => dirname(process.execPath);

/** Node is the one that runs here; the rest is where Debian keeps programs. */
const rigPath = (): string =>
  [nodeDirectory(), '/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'].join(delimiter);

interface Listener {
  readonly path: string;
  readonly server: Server;
  readonly connection: Promise<Socket>;
}

async function listen(path: string): Promise<Listener> {
  const server = createServer();
  const { promise: connection, resolve } = Promise.withResolvers<Socket>();
  server.once('connection', resolve);
  server.listen(path);
  await once(server, 'listening');
  return { path, server, connection };
}
