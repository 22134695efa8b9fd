import { createRequire, isBuiltin } from 'node:module';
import { basename, join } from 'node:path';
import type { Plugin } from 'esbuild';

const REPOSITORY = join(import.meta.dirname, '..');
const require = createRequire(import.meta.url);

/**
 * koffi without its JavaScript, which finds out what machine it is on and reads seven files for it: more time than all that the
 * library itself takes. What is on another machine, or installed in another way, goes the long way.
 */
const NATIVE_LIBRARY = '@koromix/koffi-linux-x64/linux_x64/koffi.node';
export const NATIVE_PACKAGES = ['koffi', '@koromix/*'];

export const koffiAtOnce: Plugin = {
  name: 'koffi-at-once',
  setup(build) {
    const namespace = 'koffi-at-once';
    build.onResolve({ filter: /^koffi$/ }, ({ importer, namespace: from }) =>
      from === namespace
        ? { path: 'koffi', external: true }
        : { path: importer === '' ? 'koffi' : 'library', namespace },
    );
    build.onLoad({ filter: /.*/, namespace }, () => ({
      contents: `
        let library;
        try { library = require('${NATIVE_LIBRARY}'); }
        catch (error) {
          if (error.code !== 'MODULE_NOT_FOUND' && error.code !== 'ERR_DLOPEN_FAILED') throw error;
          library = require('koffi');
        }
        module.exports = library;`,
      resolveDir: REPOSITORY,
    }));
  },
};

/** Modules of Node that take time to load and that not every run needs. */
const LATE_BUILTINS = new Set(
  [
    ...['child_process', 'crypto', 'fs/promises', 'http', 'http2', 'net', 'readline', 'sqlite', 'stream', 'tty'],
    ...['worker_threads', 'zlib'],
  ].map((name) => `node:${name}`),
);

/** Those of Node's own modules are loaded when something of them is first used. */
export const lateBuiltins: Plugin = {
  name: 'late-builtins',
  setup(build) {
    const namespace = 'late-builtin';
    build.onResolve({ filter: /^node:/ }, ({ path, namespace: from }) =>
      from !== namespace && LATE_BUILTINS.has(path) && isBuiltin(path) ? { path, namespace } : { path, external: true },
    );
    build.onLoad({ filter: /.*/, namespace }, ({ path }) => {
      const names = Object.keys(require(path) as object);
      return {
        contents: `
          const late = (name) => Object.defineProperty(exports, name, { enumerable: true, get: () => require('${path}')[name] });
          ${JSON.stringify(names)}.forEach(late);`,
      };
    });
  },
};

/** An import of one of `files` (in the sources) asks for a file beside the program, \`NAME.cjs\`, when it comes to it. */
export function filesBeside(files: readonly string[]): Plugin {
  const paths = new Set(files.map((file) => join(REPOSITORY, file)));
  return {
    name: 'files-beside',
    setup(build) {
      const namespace = 'file-beside';
      build.onResolve({ filter: /^\.{1,2}\// }, ({ path, resolveDir, kind, namespace: from }) => {
        if (from === namespace) return { path, external: true };
        if (kind !== 'dynamic-import' || !paths.has(join(resolveDir, path))) return undefined;
        return { path: `./${basename(path, '.ts')}.cjs`, namespace };
      });
      build.onLoad({ filter: /.*/, namespace }, ({ path }) => ({
        contents: `module.exports = require('${path}');`,
      }));
    },
  };
}
