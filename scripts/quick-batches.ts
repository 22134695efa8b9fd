/**
 * The quick tests in a few processes. A process of its own for each file spends two thirds of its time on starting Node and
 * reading the same modules; here each file is a suite, so that its hooks are its own, and files of one batch run one after the other.
 */
import { globSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

/** Writes `count` programs for `node --test` into `directory`, which together run all that `patterns` name. Gives their paths. */
export function writeQuickBatches(
  patterns: readonly string[],
  { repository, directory, count }: { readonly repository: string; readonly directory: string; readonly count: number },
): readonly string[] {
  const files = globSync([...patterns], { cwd: repository }).toSorted();
  if (files.length === 0) throw new Error(`There is no test in ${repository} that ${patterns.join(', ')} name.`);
  mkdirSync(directory, { recursive: true });
  return Array.from({ length: count }, (_, batch) => {
    const path = join(directory, `quick-${batch + 1}-of-${count}.mjs`);
    const suites = files
      .filter((_file, index) => index % count === batch)
      .map((file) => {
        const address = pathToFileURL(resolve(repository, file)).href;
        return `suite(${JSON.stringify(file)}, async () => void (await import(${JSON.stringify(address)})));`;
      });
    writeFileSync(path, `import { suite } from 'node:test';\n${suites.join('\n')}\n`);
    return path;
  });
}
