// Where things are.
import { accessSync, constants } from 'fs';
import { delimiter, dirname, join, resolve } from 'path';
import { fileURLToPath } from 'url';

/** The checkout. */
export const repository = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

/** Everything that set-up fetches and that is no npm module of the project. */
export const cacheDirectory = resolve(process.env.DDA_CACHE || join(repository, '.cache'));

/**
 * @param {string} program
 * @returns {string | undefined} its path; also where root's programs are, which an ordinary user's PATH leaves out
 */
export function findProgram(program) {
  const directories = (process.env.PATH || '').split(delimiter).concat('/usr/sbin', '/sbin', '/usr/bin', '/bin');
  return directories.map((directory) => join(directory, program)).find((path) => isAccessible(path, constants.X_OK));
}

/**
 * @param {string} path
 * @param {number} [mode]
 */
export function isAccessible(path, mode = constants.F_OK) {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}
