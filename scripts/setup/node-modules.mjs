// The project's npm modules, exactly as its lockfile has them.
import { readFileSync } from 'fs';
import { join } from 'path';
import { unlessDone } from './lock.mjs';
import { npm } from './npm.mjs';
import { repository } from './places.mjs';
import { step } from './say.mjs';

export async function ensureNodeModules() {
  await unlessDone(areInstalled, () =>
    step('installing the npm modules that package-lock.json names', () => npm(['ci'], repository)),
  );
}

/** npm keeps a lockfile of what it has installed. */
function areInstalled() {
  const wanted = readPackages(join(repository, 'package-lock.json'));
  const installed = readPackages(join(repository, 'node_modules/.package-lock.json'));
  return Object.keys(wanted).every((path) => path === '' || isThere(wanted[path], installed[path]));
}

/**
 * @param {LockedPackage | undefined} wanted
 * @param {LockedPackage | undefined} installed
 */
function isThere(wanted, installed) {
  if (wanted === undefined) return true;
  // Modules for other machines are in the lockfile only.
  return installed === undefined
    ? wanted.optional === true || wanted.devOptional === true
    : installed.version === wanted.version;
}

/**
 * @typedef {{ version?: string, optional?: boolean, devOptional?: boolean }} LockedPackage
 * @param {string} lockfile
 * @returns {Record<string, LockedPackage>} nothing if there is no such file
 */
function readPackages(lockfile) {
  try {
    return JSON.parse(readFileSync(lockfile, 'utf8')).packages;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'ENOENT') return {};
    throw error;
  }
}
