import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Defect } from './defects.ts';

const REPOSITORY = join(import.meta.dirname, '..', '..');

/** The product's text with the defect in it. Throws when the text that it is put into is not there, or there twice. */
export function withDefect(source: string, { id, file, find, replace }: Defect): string {
  const count = source.split(find).length - 1;
  if (count !== 1) {
    throw new Error(`the defect ${id} can't be put into ${file}: '${find}' stands there ${count} times, not once`);
  }
  return source.replace(find, () => replace);
}

export function readSource(file: string): string {
  return readFileSync(join(REPOSITORY, file), 'utf8');
}

/** From now on this thread gets a product with this defect. To be called before the product is loaded. */
export function seedDefect(defect: Defect): { checkApplied(): void } {
  const url = pathToFileURL(join(REPOSITORY, defect.file)).href;
  const source = withDefect(readSource(defect.file), defect);
  let applied = false;
  registerHooks({
    load: (loaded, context, nextLoad) => {
      if (loaded !== url) return nextLoad(loaded, context);
      applied = true;
      return { format: 'module-typescript', source, shortCircuit: true };
    },
  });
  return {
    checkApplied: () => {
      if (!applied)
        throw new Error(`the defect ${defect.id} was never run: ${defect.target} doesn't load ${defect.file}`);
    },
  };
}
