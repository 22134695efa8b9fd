import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { BootError, BootErrorCode } from './boot-error.ts';
import { compressionOf, DecompressionError, decompress } from './decompress.ts';
import { type ModuleInfo, moduleName, parseModuleInfo } from './modinfo.ts';

const MODULE_FILE = /^(.+)\.ko(\.(xz|zst|gz))?$/;
/** What a tree may hold for one name; the kernel build compresses all or none. */
const SUFFIXES = ['', '.xz', '.zst', '.gz'] as const;
const MODULE_MAX_BYTES = 256 * 1024 * 1024;
/** The drivers without which a guest sees no vPCI function. */
const HYPERV_MODULES = ['hv_vmbus', 'pci_hyperv'] as const;

/** A module for the guest, uncompressed. */
export interface GuestModule {
  /** As the kernel lists it, `pci_hyperv`. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

interface Wanted {
  readonly name: string;
  readonly wantedBy: string | undefined;
}

interface LoadedModule extends GuestModule {
  readonly info: ModuleInfo;
}

/**
 * A `lib/modules/VERSION` tree: which modules it has, and which are built into the kernel. Dependencies are read from the
 * modules themselves, so a tree needs no `modules.dep`: a kernel package that is unpacked but not installed has none.
 */
export class ModuleTree {
  readonly directory: string;
  /** The directory's name: the kernel's release. */
  readonly version: string;
  /** Name → path without what compression adds. */
  readonly #files: ReadonlyMap<string, string>;
  readonly #builtIn: ReadonlySet<string>;

  private constructor(directory: string, files: ReadonlyMap<string, string>, builtIn: ReadonlySet<string>) {
    this.directory = directory;
    this.version = basename(directory);
    this.#files = files;
    this.#builtIn = builtIn;
  }

  /** @throws BootError `modules-tree` if there is no such directory, or no module in it. */
  static async open(directory: string): Promise<ModuleTree> {
    const root = resolve(directory);
    let files: Map<string, string>;
    let builtIn: Set<string>;
    try {
      files = await findModules(root);
      builtIn = await readBuiltIn(root);
    } catch (cause) {
      throw notATree(root, `it can't be read (${(cause as Error).message})`, cause);
    }
    if (files.size === 0 && builtIn.size === 0)
      throw notATree(root, 'there is no kernel module in it, or no such directory');
    return new ModuleTree(root, files, builtIn);
  }

  has(name: string): boolean {
    return this.#files.has(moduleName(name)) || this.#builtIn.has(moduleName(name));
  }

  /**
   * The modules `names` and all that they depend on, in an order in which they can be loaded. What is built into the kernel
   * is left out.
   *
   * @throws BootError `module-missing`, `module-bad`, `decompressor-missing`.
   */
  async load(names: readonly string[]): Promise<readonly GuestModule[]> {
    // Level by level: what a module needs is known once it is read. Each level's files are read at once.
    let level = names.map((name): Wanted => ({ name: moduleName(name), wantedBy: undefined }));
    const seen = new Set<string>();
    const modules = new Map<string, LoadedModule>();
    while (level.length > 0) {
      const fresh = level.filter(({ name }) => !seen.has(name) && seen.add(name));
      const read = await Promise.all(fresh.map((wanted) => this.#read(wanted)));
      level = [];
      for (const module of read) {
        if (!module) continue;
        modules.set(module.name, module);
        const soft = [...module.info.softBefore, ...module.info.softAfter].filter((name) => this.#files.has(name));
        level.push(...[...module.info.depends, ...soft].map((name) => ({ name, wantedBy: module.name })));
      }
    }
    return inLoadOrder(names.map(moduleName), modules);
  }

  async #read({ name, wantedBy }: Wanted): Promise<LoadedModule | undefined> {
    const stem = this.#files.get(name);
    if (stem === undefined) {
      if (this.#builtIn.has(name)) return undefined;
      const who = wantedBy === undefined ? '' : `, which ${wantedBy} needs,`;
      throw new BootError(
        BootErrorCode.moduleMissing,
        `The module '${name}'${who} is neither in ${this.directory} nor built into that kernel. Name a complete modules directory, or leave the driver out.`,
      );
    }
    const bad = (reason: string, cause?: unknown): BootError =>
      new BootError(
        BootErrorCode.moduleBad,
        `The module ${stem} can't be used: ${reason}. Install that kernel's modules again.`,
        { cause },
      );
    let bytes: Uint8Array | undefined;
    try {
      bytes = await readModule(stem);
    } catch (cause) {
      const isFileTrouble =
        cause instanceof DecompressionError || (cause as NodeJS.ErrnoException).syscall !== undefined;
      throw isFileTrouble ? bad((cause as Error).message, cause) : cause;
    }
    if (!bytes) throw bad('the file is not there');
    const info = parseModuleInfo(bytes);
    if (!info) throw bad('it is no kernel module for a 64-bit machine');
    return { name, bytes, info };
  }
}

/**
 * The modules that a guest needs for vPCI and for `drivers`, in load order.
 *
 * @throws BootError `modules-no-hyperv-drivers`, and what {@link ModuleTree.load} throws.
 */
export async function loadGuestModules(tree: ModuleTree, drivers: readonly string[]): Promise<readonly GuestModule[]> {
  const missing = HYPERV_MODULES.filter((name) => !tree.has(name));
  if (missing.length > 0) {
    throw new BootError(
      BootErrorCode.modulesNoHyperv,
      `The modules in ${tree.directory} have no Hyper-V drivers: ${missing.join(' and ')} not found, neither as files nor built in. ` +
        "Use a kernel built with CONFIG_HYPERV and CONFIG_PCI_HYPERV, such as Debian's linux-image-amd64 (not the 'cloud' one of other platforms).",
    );
  }
  return tree.load([...HYPERV_MODULES, ...drivers]);
}

/** Dependencies first. Soft ones may point in circles; a module already begun is then not waited for. */
function inLoadOrder(roots: readonly string[], modules: ReadonlyMap<string, LoadedModule>): GuestModule[] {
  const order: GuestModule[] = [];
  const begun = new Set<string>();
  const visit = (name: string): void => {
    const module = modules.get(name);
    if (!module || begun.has(name)) return;
    begun.add(name);
    for (const before of [...module.info.depends, ...module.info.softBefore]) visit(before);
    order.push({ name: module.name, bytes: module.bytes });
    for (const after of module.info.softAfter) visit(after);
  };
  for (const root of roots) visit(root);
  return order;
}

/** The module at `stem`, uncompressed, however it lies there; undefined if it doesn't. */
async function readModule(stem: string): Promise<Uint8Array | undefined> {
  for (const suffix of SUFFIXES) {
    const bytes = await readIfThere(stem + suffix);
    if (!bytes) continue;
    const format = compressionOf(bytes);
    return format ? decompress(bytes, format, MODULE_MAX_BYTES) : bytes;
  }
  return undefined;
}

/** Name → path without what compression adds, for all that lies in the tree. */
async function findModules(root: string): Promise<Map<string, string>> {
  const stems = new Map<string, string>();
  const add = (path: string): void => {
    const name = MODULE_FILE.exec(basename(path))?.[1];
    if (name !== undefined) stems.set(moduleName(name), join(dirname(path), `${name}.ko`));
  };
  // The kernel's own list spares a walk through hundreds of directories.
  const order = await readIfThere(join(root, 'modules.order'));
  const listed = order
    ?.toString('utf8')
    .split('\n')
    .map((line) => join(root, line.trim()));
  for (const path of listed ?? (await walk(root))) add(path);
  // As depmod does by default: what the administrator has put there goes before the kernel's own.
  for (const directory of ['extra', 'updates']) for (const path of await walk(join(root, directory))) add(path);
  return stems;
}

/** All files below `directory`; none if there is no such directory. */
async function walk(directory: string): Promise<string[]> {
  try {
    const entries = await readdir(directory, { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** `modules.builtin` names one file a line, as if it were a module. A tree need not have it. */
async function readBuiltIn(root: string): Promise<Set<string>> {
  const text = (await readIfThere(join(root, 'modules.builtin')))?.toString('utf8') ?? '';
  return new Set(
    text.split('\n').flatMap((line) => {
      const name = MODULE_FILE.exec(basename(line.trim()))?.[1];
      return name === undefined ? [] : [moduleName(name)];
    }),
  );
}

function notATree(root: string, reason: string, cause?: unknown): BootError {
  return new BootError(
    BootErrorCode.modulesTree,
    `${root} is no kernel modules directory: ${reason}. Name the directory of one kernel's modules, such as /lib/modules/$(uname -r).`,
    { cause },
  );
}
