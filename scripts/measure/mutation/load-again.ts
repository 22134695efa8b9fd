/**
 * Loads test files and all they import as often as is asked, each time afresh: a mutant in a table that is made as its module is loaded
 * takes effect only then. Node keeps what was loaded before; so many loads cost so much memory.
 */
import { readFileSync } from 'node:fs';
import { registerHooks, stripTypeScriptTypes } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { collect, type CollectedTest } from './collected-tests.ts';

const STAND_IN = new URL('./collected-tests.ts', import.meta.url).href;

export class LoadAgain {
  readonly #root: string;
  readonly #sources = new Map<string, string>();
  #loads = 0;

  /** `directory`: what lies in it is loaded again, everything else once. At most one a process. */
  constructor(directory: string) {
    this.#root = pathToFileURL(`${directory}/`).href;
    registerHooks({
      resolve: (specifier, context, next) => {
        const fromHere = context.parentURL?.startsWith(this.#root) === true;
        if (fromHere && specifier === 'node:test') return { url: STAND_IN, shortCircuit: true };
        const resolved = next(specifier, context);
        if (!fromHere || !this.#isOurs(resolved.url)) return resolved;
        return { ...resolved, url: `${resolved.url}${new URL(context.parentURL ?? '').search}` };
      },
      load: (url, context, next) =>
        this.#isOurs(url) ? { format: 'module', source: this.#source(url), shortCircuit: true } : next(url, context),
    });
  }

  /** The tests of `files`, by path from the directory. */
  async tests(files: readonly string[]): Promise<readonly CollectedTest[]> {
    this.#loads += 1;
    const tests: CollectedTest[] = [];
    for (const file of files) {
      const address = `${this.#root}${file}?${this.#loads}`;
      tests.push(...(await collect(file, () => import(address))));
    }
    return tests;
  }

  #isOurs(url: string): boolean {
    return url.startsWith(this.#root) && !url.includes('/node_modules/') && new URL(url).pathname.endsWith('.ts');
  }

  #source(url: string): string {
    const path = fileURLToPath(url);
    let source = this.#sources.get(path);
    if (source === undefined) {
      source = stripTypeScriptTypes(readFileSync(path, 'utf8'));
      this.#sources.set(path, source);
    }
    return source;
  }
}
