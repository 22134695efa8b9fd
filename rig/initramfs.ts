import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import { type CpioEntry, writeCpio } from '../src/vm/boot/index.ts';
import type { UnpackedKernel } from './kernels.ts';
import { RigError, RigErrorCode } from './rig-error.ts';

/** What the rig loads before it can reach a file system with more modules, and what a DDA host has loaded. */
const MODULES = [
  'virtio_pci',
  'virtio_console',
  '9p',
  '9pnet_virtio',
  'overlay',
  'kvm-amd',
  'kvm-intel',
  'nvme',
  'vfio-pci',
  'vfio_iommu_type1',
];
/** Only newer kernels have them. */
const MODULES_IF_THERE = ['iommufd'];

export interface RigSettings {
  readonly kernel: UnpackedKernel;
  /** `PATH` of every command in the rig. */
  readonly path: string;
  /** Directories that stay visible where the rig lays a file system of its own over them (`/tmp`). */
  readonly keep: readonly string[];
  /** More modules to load, for devices that not every rig has. */
  readonly modules: readonly string[];
}

/** The rig's initramfs: busybox, the modules in the order that they need, the agent, and this boot's settings. */
export function buildInitramfs(settings: RigSettings): Uint8Array {
  const insideDirectory = join(import.meta.dirname, 'inside');
  const program = (name: string): string => readFileSync(join(insideDirectory, name), 'utf8');
  return writeCpio([
    { kind: 'directory', path: 'bin' },
    { kind: 'file', path: 'bin/busybox', mode: 0o755, data: readBusybox() },
    { kind: 'file', path: 'init', mode: 0o755, data: Buffer.from(program('init')) },
    { kind: 'file', path: 'settings', data: Buffer.from(shellAssignments(settings)) },
    { kind: 'file', path: 'keep', data: Buffer.from(settings.keep.map((path) => `${path}\n`).join('')) },
    { kind: 'file', path: 'inside/start', data: Buffer.from(program('start')) },
    { kind: 'file', path: 'inside/agent.mjs', data: stripped(join(insideDirectory, 'agent.ts')) },
    { kind: 'file', path: 'inside/agent-protocol.mjs', data: stripped(join(import.meta.dirname, 'agent-protocol.ts')) },
    ...moduleEntries(settings),
  ]);
}

function readBusybox(): Uint8Array {
  try {
    return readFileSync('/bin/busybox');
  } catch (error) {
    throw new RigError(
      RigErrorCode.missingPart,
      `The rig needs /bin/busybox (Debian package busybox-static). Run 'npm run setup'.`,
      { cause: error },
    );
  }
}

function shellAssignments({ kernel, path }: RigSettings): string {
  const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
  return [
    `RIG_NODE=${quote(process.execPath)}`,
    `RIG_PATH=${quote(path)}`,
    `RIG_MODULES=${quote(join(kernel.root, 'lib/modules'))}`,
    '',
  ].join('\n');
}

/**
 * Types are taken off here: emulated, the same takes the rig more than half a second at every boot. In a process of its
 * own, because Node prints a warning about the function to whoever calls it.
 */
function stripped(file: string): Uint8Array {
  const program = `import { stripTypeScriptTypes } from 'node:module';
    import { readFileSync } from 'node:fs';
    process.stdout.write(stripTypeScriptTypes(readFileSync(process.argv[1], 'utf8')));`;
  const source = execFileSync(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', '--input-type=module', '--eval', program, file],
    { encoding: 'utf8' },
  );
  return Buffer.from(
    source.replaceAll(/(from '\.[^']*)\.ts'/g, "$1.mjs'").replaceAll("'../agent-protocol", "'./agent-protocol"),
  );
}

function moduleEntries({ kernel, modules }: RigSettings): CpioEntry[] {
  const files = new Set([
    ...[...MODULES, ...modules].flatMap((name) => moduleFiles(kernel, name, true)),
    ...MODULES_IF_THERE.flatMap((name) => moduleFiles(kernel, name, false)),
  ]);
  return [...files].map((file, index) => ({
    kind: 'file',
    path: `modules/${String(index).padStart(3, '0')}-${basename(file).replace(/\.ko.*$/, '')}`,
    data: readModule(file),
  }));
}

/** `modprobe --show-depends` prints `insmod FILE` lines, dependencies first, and `builtin NAME` for what needs no file. */
function moduleFiles(kernel: UnpackedKernel, name: string, isNeeded: boolean): string[] {
  let printed: string;
  try {
    printed = execFileSync(
      '/sbin/modprobe',
      ['--show-depends', '--dirname', kernel.root, '--set-version', kernel.release, name],
      {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
  } catch (error) {
    if (!isNeeded) return [];
    throw new RigError(
      RigErrorCode.missingPart,
      `modprobe finds no module ${name} in ${kernel.modules}. Remove ${kernel.root} and run 'npm run setup'.`,
      { cause: error },
    );
  }
  return [...printed.matchAll(/^insmod (\S+)/gm)].map((match) => match[1] ?? '');
}

function readModule(file: string): Uint8Array {
  if (file.endsWith('.xz'))
    return execFileSync('xz', ['--decompress', '--stdout', file], { maxBuffer: 256 * 1024 * 1024 });
  return file.endsWith('.zst') ? zstdDecompressSync(readFileSync(file)) : readFileSync(file);
}
