import { buildAcpiTables } from './acpi/tables.ts';
import { BootError, BootErrorCode } from './boot-error.ts';
import { bareSetupHeader, makeBootParams } from './boot-params.ts';
import type { BzImage } from './bzimage.ts';
import { type BootCpuState, bootCpuState, cpuTables } from './cpu-state.ts';
import type { Vmlinux } from './elf.ts';
import { COMMAND_LINE_AREA_BYTES, GuestAddress, type GuestMap } from './guest-map.ts';
import type { MemoryLoad, MemoryWrite } from './memory-write.ts';
import { resetVector } from './reset-vector.ts';

/** Where a bzImage's 64-bit entry lies in its protected-mode part. */
const BZIMAGE_ENTRY_OFFSET = 0x200;
const PAGE_BYTES = 4096;
const MIB = 1024 * 1024;
/** What a vmlinux takes, as its header can't say (Linux arch/x86/include/asm/setup.h, COMMAND_LINE_SIZE). */
const VMLINUX_COMMAND_LINE_MAX_BYTES = 2047;
const VMLINUX_INITRD_ADDRESS_MAX = 0x7fffffff;

/** How a guest starts. */
export interface BootPlan {
  /** Both to be applied to RAM that is all zero. No two overlap. */
  readonly writes: readonly MemoryWrite[];
  readonly loads: readonly MemoryLoad[];
  /** For the boot processor; the others wait for its INIT and SIPI. */
  readonly cpu: BootCpuState;
  readonly initrdGpa: number | undefined;
}

/** The kernel as the planner needs it, whichever kind it is. */
interface LoadedKernel {
  readonly entryGpa: number;
  readonly setupHeader: Uint8Array;
  readonly writes: readonly MemoryWrite[];
  readonly loads: readonly MemoryLoad[];
  readonly startGpa: number;
  /** End of what it needs untouched when it starts. */
  readonly endGpa: number;
  readonly initrdAddressMax: number;
  readonly commandLineMaxBytes: number;
}

/**
 * Lays out a guest: kernel, command line, initramfs, boot parameters, page tables, ACPI tables.
 *
 * @param options.apicIds one id a processor, the boot processor's first.
 * @throws BootError `memory-too-small`, `command-line`, `cpu-count`.
 */
export function planBoot(options: {
  readonly kernel: BzImage | Vmlinux;
  readonly map: GuestMap;
  readonly apicIds: readonly number[];
  readonly commandLine: string;
  readonly initrd?: Uint8Array;
}): BootPlan {
  const { map } = options;
  const kernel = options.kernel.kind === 'bzimage' ? loadBzImage(options.kernel) : loadVmlinux(options.kernel);
  const commandLine = encodeCommandLine(options.commandLine, kernel.commandLineMaxBytes);
  const initrd = placeInitrd(options.initrd, kernel, map);
  const acpi = buildAcpiTables({ apicIds: options.apicIds, windows: [map.lowWindow, map.highWindow] });
  const bootParams = makeBootParams({
    setupHeader: kernel.setupHeader,
    e820: map.e820,
    rsdpGpa: acpi.rsdpGpa,
    commandLineGpa: GuestAddress.commandLine,
    initrd: initrd && { gpa: initrd.gpa, sizeBytes: initrd.bytes.length },
  });
  return {
    writes: [
      ...cpuTables(),
      { gpa: GuestAddress.bootParams, bytes: bootParams },
      { gpa: GuestAddress.commandLine, bytes: commandLine },
      ...acpi.writes,
      resetVector,
      ...kernel.writes,
      ...(initrd ? [initrd] : []),
    ],
    loads: kernel.loads,
    cpu: bootCpuState(kernel.entryGpa),
    initrdGpa: initrd?.gpa,
  };
}

function loadBzImage(image: BzImage): LoadedKernel {
  return {
    entryGpa: image.preferredAddress + BZIMAGE_ENTRY_OFFSET,
    setupHeader: image.setupHeader,
    writes: [{ gpa: image.preferredAddress, bytes: image.payload }],
    loads: [],
    startGpa: image.preferredAddress,
    endGpa: image.preferredAddress + image.initSizeBytes,
    initrdAddressMax: image.initrdAddressMax,
    commandLineMaxBytes: Math.min(image.commandLineMaxBytes, COMMAND_LINE_AREA_BYTES - 1),
  };
}

function loadVmlinux(image: Vmlinux): LoadedKernel {
  return {
    entryGpa: image.entryGpa,
    setupHeader: bareSetupHeader(),
    writes: [],
    loads: image.segments.map(({ gpa, offset, fileBytes }) => ({
      gpa,
      offset,
      sizeBytes: fileBytes,
      file: image.file,
    })),
    startGpa: Math.min(...image.segments.map((segment) => segment.gpa)),
    endGpa: image.endGpa,
    initrdAddressMax: VMLINUX_INITRD_ADDRESS_MAX,
    commandLineMaxBytes: VMLINUX_COMMAND_LINE_MAX_BYTES,
  };
}

function encodeCommandLine(text: string, maxBytes: number): Uint8Array {
  const bytes = new TextEncoder().encode(`${text}\0`);
  const lengthBytes = bytes.length - 1;
  if (lengthBytes > maxBytes) {
    throw new BootError(
      BootErrorCode.commandLine,
      `The kernel command line has ${lengthBytes} bytes, this kernel takes ${maxBytes}. Shorten it.`,
    );
  }
  if (bytes.indexOf(0) !== lengthBytes) {
    throw new BootError(
      BootErrorCode.commandLine,
      'The kernel command line holds a NUL character, where it would end for the kernel. Take it out.',
    );
  }
  return bytes;
}

/** As high as the kernel reads it, in low RAM: out of the way of where the kernel unpacks itself. */
function placeInitrd(bytes: Uint8Array | undefined, kernel: LoadedKernel, map: GuestMap): MemoryWrite | undefined {
  const sizeBytes = bytes?.length ?? 0;
  const end = Math.min(map.lowRamEnd, kernel.initrdAddressMax + 1);
  const gpa = Math.floor((end - sizeBytes) / PAGE_BYTES) * PAGE_BYTES;
  if (kernel.endGpa > map.lowRamEnd || gpa < kernel.endGpa) {
    const needed = Math.ceil((kernel.endGpa + sizeBytes + PAGE_BYTES) / MIB);
    throw new BootError(
      BootErrorCode.memoryTooSmall,
      `The guest can't start: its kernel and initramfs need ${needed} MiB of memory below ${end / MIB} MiB to unpack themselves. ` +
        'Give the guest more memory or a smaller initramfs.',
    );
  }
  return bytes && { gpa, bytes };
}
