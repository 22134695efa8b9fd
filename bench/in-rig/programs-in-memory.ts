/**
 * Both programs as a host has them that has run them before: in memory. The rig reads the machine's files through a connection that
 * keeps nothing of them, so what a program takes to be found and read there would tell of the rig.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, cpSync, mkdirSync, realpathSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';

/** A program, and what it is to be started with. */
export interface Installed {
  readonly program: string;
  /** Before all others. */
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

/** What the package has outside its own bundle, of the packages that it needs. */
const NATIVE_PACKAGES = ['koffi', '@koromix/koffi-linux-x64'];
const QEMU = '/usr/bin/qemu-system-x86_64';
/** Where Debian's QEMU has its firmware; it looks beside itself first, once it has been moved. */
const QEMU_DATA = '/usr/share/qemu';

/** @returns dda's program as it is after an installation in `directory`; a program in the sources stays where it is. */
export function ddaInMemory(program: string, directory: string): string {
  if (extname(program) !== '.js') return program;
  const bundle = dirname(program);
  const root = join(bundle, '../..');
  const target = join(directory, 'dda');
  cpSync(bundle, join(target, 'dist/cli'), { recursive: true });
  copyFileSync(join(root, 'package.json'), join(target, 'package.json'));
  for (const name of NATIVE_PACKAGES) {
    cpSync(join(root, 'node_modules', name), join(target, 'node_modules', name), {
      recursive: true,
      dereference: true,
    });
  }
  return join(target, 'dist/cli', basename(program));
}

/** QEMU and all libraries that it names. */
export function qemuInMemory(directory: string): Installed {
  const target = join(directory, 'qemu');
  const libraries = join(target, 'lib');
  mkdirSync(libraries, { recursive: true });
  const listed = execFileSync('ldd', [QEMU], { encoding: 'utf8' });
  for (const [, path = ''] of listed.matchAll(/=> (\/\S+)/g)) {
    copyFileSync(realpathSync(path), join(libraries, basename(path)));
  }
  const program = join(target, basename(QEMU));
  copyFileSync(QEMU, program);
  chmodSync(program, 0o755);
  return { program, args: ['-L', QEMU_DATA], env: { ...process.env, LD_LIBRARY_PATH: libraries } };
}
