import { readFile } from 'node:fs/promises';
import { BootError, BootErrorCode } from './boot-error.ts';
import { type CpioEntry, writeCpio } from './cpio.ts';
import { isStaticProgram } from './elf.ts';
import { InitrdPath, initScript } from './init-script.ts';
import { moduleOptions } from './module-options.ts';
import { type GuestModule, loadGuestModules, ModuleTree } from './modules.ts';

const BUSYBOX_PATH = '/bin/busybox';
const BUSYBOX_ADVICE = 'Install the package busybox-static, or name another initramfs.';
const EXECUTABLE = 0o755;
/** Linux's character devices 5:1 and 1:3 (Documentation/admin-guide/devices.txt). */
const CONSOLE = { major: 5, minor: 1 } as const;
const NULL_DEVICE = { major: 1, minor: 3 } as const;

/** What goes into a guest's initramfs beside busybox. */
export interface InitrdContents {
  /** In load order. */
  readonly modules: readonly GuestModule[];
  /** Module name → its options. */
  readonly options?: ReadonlyMap<string, string>;
  /** A script or program that the guest runs, with its console as input and output, before it powers off. Without it: a shell. */
  readonly run?: string | Uint8Array;
  readonly files?: Iterable<CpioEntry>;
}

/**
 * An initramfs, uncompressed: unpacking costs a guest more than reading. `/init` prints `dda-guest: up SECONDS` first, loads
 * the modules in order, then runs `run`, prints `dda-guest: exit CODE` and powers off; or gives a shell on the console.
 *
 * @throws BootError `archive-entry` if `files` names a path that is taken or bad.
 */
export function buildInitrd(busybox: Uint8Array, contents: InitrdContents): Uint8Array {
  const { modules, run } = contents;
  const script = initScript({
    modules: modules.map(({ name }) => ({ name, options: contents.options?.get(name) ?? '' })),
    hasRun: run !== undefined,
  });
  const text = new TextEncoder();
  const entries: CpioEntry[] = [
    { kind: 'directory', path: 'dev' },
    // The kernel opens the console before /init can mount devtmpfs.
    { kind: 'character-device', path: 'dev/console', ...CONSOLE },
    { kind: 'character-device', path: 'dev/null', ...NULL_DEVICE, mode: 0o666 },
    { kind: 'directory', path: 'proc' },
    { kind: 'directory', path: 'sys' },
    { kind: 'directory', path: 'root', mode: 0o700 },
    { kind: 'directory', path: 'tmp', mode: 0o1777 },
    { kind: 'file', path: InitrdPath.busybox, data: busybox, mode: EXECUTABLE },
    { kind: 'symlink', path: 'bin/sh', target: 'busybox' },
    { kind: 'file', path: InitrdPath.init, data: text.encode(script), mode: EXECUTABLE },
    ...modules.map(
      ({ name, bytes }): CpioEntry => ({ kind: 'file', path: `${InitrdPath.modules}/${name}.ko`, data: bytes }),
    ),
  ];
  if (run !== undefined) {
    entries.push({
      kind: 'file',
      path: InitrdPath.run,
      data: typeof run === 'string' ? text.encode(run) : run,
      mode: EXECUTABLE,
    });
  }
  return writeCpio([...entries, ...(contents.files ?? [])]);
}

/**
 * The busybox that the guest gets: a program that needs no libraries.
 *
 * @throws BootError `busybox-missing`, `busybox-dynamic`.
 */
export async function readStaticBusybox(path: string = BUSYBOX_PATH): Promise<Uint8Array> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    throw new BootError(
      BootErrorCode.busyboxMissing,
      `The guest's initramfs needs busybox, and ${path} can't be read (${(cause as Error).message}). ${BUSYBOX_ADVICE}`,
      { cause },
    );
  }
  const isStatic = isStaticProgram(bytes);
  if (isStatic === undefined) {
    throw new BootError(
      BootErrorCode.busyboxMissing,
      `The guest's initramfs needs busybox, and ${path} is no program for x86-64. ${BUSYBOX_ADVICE}`,
    );
  }
  if (!isStatic) {
    throw new BootError(
      BootErrorCode.busyboxDynamic,
      `The guest's initramfs needs a busybox that is statically linked, and ${path} isn't: the guest has no libraries. ${BUSYBOX_ADVICE}`,
    );
  }
  return bytes;
}

/**
 * The initramfs for a kernel whose modules are in `modulesDirectory`: vPCI's drivers, `drivers`, busybox. Module options
 * are taken from the kernel's command line.
 *
 * @throws BootError as {@link ModuleTree.open}, {@link loadGuestModules}, {@link readStaticBusybox} and {@link buildInitrd}.
 */
export async function guestInitrd(options: {
  readonly modulesDirectory: string;
  readonly commandLine: string;
  /** Drivers for the functions that the guest gets: `nvme`, `igbvf`, … */
  readonly drivers: readonly string[];
  readonly busyboxPath?: string;
  readonly run?: string | Uint8Array;
  readonly files?: Iterable<CpioEntry>;
}): Promise<Uint8Array> {
  const [tree, busybox] = await Promise.all([
    ModuleTree.open(options.modulesDirectory),
    readStaticBusybox(options.busyboxPath),
  ]);
  return buildInitrd(busybox, {
    modules: await loadGuestModules(tree, options.drivers),
    options: moduleOptions(options.commandLine),
    ...(options.run === undefined ? {} : { run: options.run }),
    ...(options.files === undefined ? {} : { files: options.files }),
  });
}
