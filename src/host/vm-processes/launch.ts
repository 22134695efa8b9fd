import { setPriority } from 'node:os';
import { fileURLToPath } from 'node:url';
import {
  closeFile,
  createMemoryFile,
  OpenFlag,
  openFile,
  Resource,
  Seal,
  sealMemoryFile,
  SystemCallError,
  writeFileAt,
  writeLimit,
} from '../../linux/index.ts';
import { encodeSpec, type VmProcessSpec, vmProcessProgram } from '../../vm/process/index.ts';
import { openDiskFile, refuseTwice } from '../disks/disk-file.ts';
import { HostError } from '../errors.ts';
import type { VmSpec } from '../manager/ports.ts';
import type { LaunchedProcess, VmLauncher } from './vm-launcher.ts';
import { type VmLimits, vmLimits } from './vm-limits.ts';

/** Between the manager and everybody else. */
const VM_NICE = -5;

export interface LaunchRequest {
  readonly name: string;
  readonly spec: VmSpec;
  readonly userId: number;
  readonly listenerFd: number;
  readonly logFd: number;
  /** The process's end of the gate that it and its guest wait at. */
  readonly gateFd: number;
  readonly dma: VmProcessSpec['dma'] | 'auto';
}

/**
 * Starts the process of a VM: a user of its own without capabilities or further groups, no way to get any, its own session and
 * namespaces, the root as directory, nothing in the environment, and of descriptors those that docs/vm-process.md lists. Throws HostError
 * `file-unreadable`, `disk-malformed`, `disk-in-use`, `vm-refused`, or what {@link VmLauncher.launch} throws; then there is no process.
 */
export async function launchVmProcess(
  launcher: VmLauncher,
  request: LaunchRequest,
): Promise<LaunchedProcess & { readonly limits: VmLimits }> {
  const { name, spec, userId } = request;
  const asked = `start the VM ${name}`;
  using opened = new DisposableStack();
  const keep = (fd: number): number => opened.adopt(fd, closeFile);
  const kvm = keep(openHostNode(asked, '/dev/kvm'));
  const kernel = keep(openGuestFile(asked, spec.kernel));
  const initrd = keep(openGuestFile(asked, spec.initramfs ?? '/dev/null'));
  const dma = openDma(request.dma);
  keep(dma.fd);
  refuseTwice(spec.disks ?? []);
  const disks = (spec.disks ?? []).map((disk) => {
    const file = openDiskFile(disk);
    keep(file.fd);
    return { ...file, virtualFunctions: disk.virtualFunctions ?? 0 };
  });
  const written = keep(
    specFile({
      name,
      managerUserId: process.getuid?.() ?? 0,
      memoryBytes: spec.memoryBytes,
      vcpus: spec.cpuCount,
      commandLine: spec.commandLine,
      hasInitrd: spec.initramfs !== undefined,
      dma: dma.kind,
      disks: disks.map(({ sizeBytes, readOnly, inMemory, uuid, virtualFunctions }) => {
        return { sizeBytes, readOnly, inMemory, virtualFunctions, uuid: Buffer.from(uuid).toString('hex') };
      }),
      highWindowBytes: [...(spec.highWindowBytes ?? [])],
    }),
  );
  const files = disks.map(({ fd }) => fd);
  const { logFd, listenerFd, gateFd } = request;
  const launched = await launcher.launch({
    program: process.execPath,
    args: [fileURLToPath(vmProcessProgram()), name],
    userId,
    descriptors: [logFd, logFd, listenerFd, written, kvm, kernel, initrd, dma.fd, gateFd, ...files],
  });
  const limits = vmLimits(spec, disks);
  limit(launched.processId, limits);
  return { ...launched, limits };
}

/** The process waits for them at its gate. */
function limit(processId: number, limits: VmLimits): void {
  const set = (resource: Resource, value: number): void =>
    writeLimit(resource, { soft: value, hard: value }, processId);
  try {
    set(Resource.lockedMemory, limits.lockedBytes);
    set(Resource.openFiles, limits.openFiles);
    set(Resource.processes, limits.processes);
    set(Resource.coreFile, 0);
    set(Resource.fileSize, limits.fileBytes);
    set(Resource.data, limits.dataBytes);
    prioritize(processId);
  } catch (error) {
    // It has ended already; why is told by whoever waits for it.
    if (!(error instanceof SystemCallError) || error.code !== 'ESRCH') throw error;
  }
}

/** Its threads inherit that; those of vCPUs give it up, so that a guest that spins doesn't keep its own device side from letting go. */
function prioritize(processId: number): void {
  try {
    setPriority(processId, VM_NICE);
  } catch (error) {
    const { code } = (error as { readonly info?: { readonly code?: string } }).info ?? {};
    // Not root, or ended already.
    if (code !== 'EACCES' && code !== 'EPERM' && code !== 'ESRCH') throw error;
  }
}

function specFile(spec: VmProcessSpec): number {
  const bytes = encodeSpec(spec);
  const fd = createMemoryFile(`dda-spec-${spec.name}`, bytes.byteLength);
  writeFileAt(fd, bytes, 0);
  sealMemoryFile(fd, Seal.write | Seal.grow | Seal.shrink | Seal.seal);
  return fd;
}

/** The container where there is one: all kernels have it that have VFIO groups. */
function openDma(wanted: LaunchRequest['dma']): { readonly kind: VmProcessSpec['dma']; readonly fd: number } {
  for (const { kind, path } of [
    { kind: 'container', path: '/dev/vfio/vfio' },
    { kind: 'iommufd', path: '/dev/iommu' },
  ] as const) {
    if (wanted !== 'auto' && wanted !== kind) continue;
    const fd = openIfThere(path);
    if (fd !== undefined) return { kind, fd };
  }
  return { kind: 'none', fd: openFile('/dev/null', OpenFlag.readWrite) };
}

function openIfThere(path: string): number | undefined {
  try {
    return openFile(path, OpenFlag.readWrite);
  } catch (error) {
    if (error instanceof SystemCallError && ['ENOENT', 'ENODEV', 'ENXIO'].includes(error.code)) return undefined;
    throw error;
  }
}

function openHostNode(asked: string, path: string): number {
  try {
    return openFile(path, OpenFlag.readWrite);
  } catch (cause) {
    if (!(cause instanceof SystemCallError)) throw cause;
    throw new HostError(
      'vm-refused',
      {
        asked,
        obstacle: `the kernel refused: ${cause.message}.`,
        remedy: 'dda check tells what this host lacks.',
        details: { path, errno: cause.code },
      },
      { cause },
    );
  }
}

function openGuestFile(asked: string, path: string): number {
  try {
    return openFile(path, OpenFlag.readOnly);
  } catch (cause) {
    if (!(cause instanceof SystemCallError)) throw cause;
    throw new HostError(
      'file-unreadable',
      {
        asked,
        obstacle: `${path} can't be read: ${cause.message}.`,
        remedy: 'Name another, or change its permissions.',
        details: { path, errno: cause.code },
      },
      { cause },
    );
  }
}
