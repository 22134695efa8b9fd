import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build, type BuildOptions } from 'esbuild';
import { filesBeside, koffiAtOnce, lateBuiltins, NATIVE_PACKAGES } from './bundle-plugins.ts';

const REPOSITORY = join(import.meta.dirname, '..');
/** Programs that others start, which must stand beside them by these names. */
const STARTED_PROGRAMS = [
  'src/vm/process/vm-process.ts',
  'src/host/kernel/attribute-program.ts',
  'src/host/kernel/device-program.ts',
];
/** Programs of threads, which must stand beside those that start them by these names (src/vm/vcpu/vcpu-thread.ts, src/host/vm-processes/vm-launcher.ts). */
const THREADS = ['src/vm/vcpu/vcpu-worker.ts', 'src/host/vm-processes/launch-thread.ts'];
/** Starting a VM with its console: the start that people wait for. */
const RUN_VM = 'src/cli/run-vm.ts';
/** What that needs when somebody first asks something of the VM: it is slow to load. */
const CONTROL_PROTOCOL = 'src/host/control/protocol.ts';

/** Modules that ship no licence file: they say MIT, and are of the same project as this one. */
const LICENSED_AS: Readonly<Record<string, string>> = { '@hono/zod-openapi': 'hono', '@hono/zod-validator': 'hono' };

const SHARED: BuildOptions = {
  absWorkingDir: REPOSITORY,
  bundle: true,
  platform: 'node',
  target: 'node24',
  // It carries native code that it finds by its own place.
  external: NATIVE_PACKAGES,
  // Names stay: stack traces are read.
  minifySyntax: true,
  minifyWhitespace: true,
  logLevel: 'warning',
};

/** What the package ships, in `directory`, and nothing else there: parts are named by their content, so those of another day would stay. */
export async function bundleProduct(directory: string): Promise<void> {
  rmSync(directory, { recursive: true, force: true });
  await bundle('src/cli/main.ts', directory);
}

/**
 * Puts programs and all they import into a few files in `directory`, each as `<its name>.js`, with what they start beside them. Of
 * several hundred small files, most of a start is finding and linking them: 8 s in the rig against 1.3 s. `instead`: programs of tests, of
 * the same names, in the place of those that they start.
 */
export async function bundle(
  programs: string | readonly string[],
  directory: string,
  instead: Readonly<Record<string, string>> = {},
): Promise<void> {
  const main = await build({
    ...SHARED,
    plugins: [koffiAtOnce, lateBuiltins, filesBeside([RUN_VM])],
    metafile: true,
    entryPoints: [programs, STARTED_PROGRAMS.map((each) => instead[each] ?? each)].flat(),
    outdir: directory,
    entryNames: '[name]',
    chunkNames: 'part-[hash]',
    splitting: true,
    format: 'esm',
    // For the modules of CommonJS among the dependencies.
    banner: { js: "import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);" },
  });
  // Files of their own with just what they need, and of the kind that starts fastest.
  const alone = await build({
    ...SHARED,
    plugins: [koffiAtOnce, lateBuiltins, filesBeside([CONTROL_PROTOCOL])],
    metafile: true,
    entryPoints: [...THREADS, RUN_VM, CONTROL_PROTOCOL],
    outdir: directory,
    entryNames: '[name]',
    outExtension: { '.js': '.cjs' },
    format: 'cjs',
    define: { 'import.meta.url': 'thisFile.href', 'import.meta.resolve': 'resolveFromHere' },
    banner: {
      js: [
        "const thisFile = require('node:url').pathToFileURL(__filename);",
        "const resolveFromHere = (name) => require('node:url').pathToFileURL(require.resolve(name)).href;",
      ].join('\n'),
    },
  });
  const inputs = [main, alone].flatMap(({ metafile }) => Object.keys(metafile.inputs));
  writeFileSync(join(directory, 'LICENSES.txt'), licencesOf(inputs));
}

/** The licences of the modules that a bundle contains: theirs ask to go where the code goes. */
function licencesOf(inputs: readonly string[]): string {
  const modules = new Set(inputs.flatMap((input) => /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1] ?? []));
  return [...modules]
    .toSorted()
    .map((name) => {
      const directory = join(REPOSITORY, 'node_modules', LICENSED_AS[name] ?? name);
      const file = ['LICENSE', 'LICENSE.md', 'LICENSE.txt'].map((each) => join(directory, each)).find(existsSync);
      if (file === undefined) throw new Error(`${name} is bundled and has no licence file: look at what it asks for.`);
      return `${name}\n\n${readFileSync(file, 'utf8').trim()}\n`;
    })
    .join('\n----\n\n');
}
