import { runTool } from './say.mjs';

/**
 * Removes a directory and all that is in it, if it is there. (fs.rm is newer than the oldest Node that runs this.)
 * @param {string} path
 */
export async function removeTree(path) {
  await runTool('rm', ['-rf', '--', path]);
}
