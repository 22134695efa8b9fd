import type { GroupLimits } from '../control-groups/group-limits.ts';
import type { VmSpec } from '../manager/ports.ts';

const MIB = 1024 * 1024;
/** Beyond guest RAM: what VFIO may have to pin, and what the process itself may lock. */
const MEMLOCK_MARGIN_BYTES = 256 * MIB;
/** Descriptors a function needs some of, interrupts most of all: 500 functions with 32 each. */
const MAX_OPEN_FILES = 16_384;
/** Memory files: pages that functions show to the guest (36 KiB, an MSI-X table of 2048 vectors, is the largest), and its last words. */
const MAX_FILE_BYTES = 128 * 1024;
/** All memory files together: one for each of 500 functions, and what a guest may make of that. */
const MEMORY_FILES_BYTES = 64 * MIB;
/**
 * Private memory that can be written, beyond guest RAM, touched or not: Node's heap, all stacks, and 512 MiB that V8 sets aside for compiled code. A
 * vCPU's thread has some 32 MiB.
 */
const DATA_MARGIN_BYTES = 1024 * MIB;
const DATA_BYTES_A_VCPU = 64 * MIB;
/**
 * Of the kernel's on its account, beyond what grows with guest RAM: stacks of threads, descriptors, interrupts, memory slots.
 */
const KERNEL_BYTES = 256 * MIB;
/**
 * Of guest RAM: page tables of the process, of KVM and of the IOMMU have 8 bytes for each 4 KiB where there are no huge pages, and so have KVM's reverse
 * map and iommufd's list of pinned pages. That is five times 1/512, and this is eight times.
 */
const KERNEL_SHARE = 1 / 64;
/** Node's own threads; each vCPU is one more. */
const NODE_THREADS = 64;
/** KVM's thread for each VM that splits huge pages, before Linux 6.13 (kvm-nx-lpage-recovery). It counts in the group, not for the user. */
const KERNEL_THREADS = 1;
/** What runs at one time besides vCPUs: the device thread, and V8's pool, which has four threads in Node. */
const DEVICE_THREADS = 1;
const V8_POOL = 4;
/** libuv's pool, which does for disks of software what the page cache can't. */
const LIBUV_POOL = 4;

/** What a VM process is kept to. */
export interface VmLimits {
  /** RLIMIT_*: of the process, but for `processes`, which are of its user. */
  readonly lockedBytes: number;
  readonly openFiles: number;
  readonly processes: number;
  readonly fileBytes: number;
  readonly dataBytes: number;
  /** Of the process and of the kernel on its account. */
  readonly group: GroupLimits;
}

interface DiskFacts {
  readonly sizeBytes: number;
  readonly inMemory: boolean;
}

/**
 * The limits of the process of such a VM. What an ordinary guest causes stays below all of them; the group's are the net under the others, and hold for what
 * no resource limit counts.
 */
export function vmLimits({ memoryBytes, cpuCount }: VmSpec, disks: readonly DiskFacts[]): VmLimits {
  const dataBytes = memoryBytes + DATA_MARGIN_BYTES + cpuCount * DATA_BYTES_A_VCPU;
  const processes = NODE_THREADS + cpuCount;
  const inMemory = disks.filter((disk) => disk.inMemory).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  return {
    lockedBytes: memoryBytes + MEMLOCK_MARGIN_BYTES,
    openFiles: MAX_OPEN_FILES,
    processes,
    fileBytes: Math.max(MAX_FILE_BYTES, ...disks.map(({ sizeBytes }) => sizeBytes)),
    dataBytes,
    group: {
      processors: cpuCount + DEVICE_THREADS + V8_POOL + (disks.length > 0 ? LIBUV_POOL : 0),
      memoryBytes: dataBytes + MEMORY_FILES_BYTES + inMemory + KERNEL_BYTES + Math.ceil(memoryBytes * KERNEL_SHARE),
      tasks: processes + KERNEL_THREADS,
    },
  };
}
