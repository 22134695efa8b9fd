// Two commands that start at once must not set up at once.
import { linkSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from 'fs';
import { join } from 'path';
import { cacheDirectory } from './places.mjs';
import { SetupError, say } from './say.mjs';

const lockFile = join(cacheDirectory, 'set-up.lock');
const POLL_MS = 500;

/**
 * Does a part of set-up unless it is done, by this process or by another one meanwhile.
 * @param {() => boolean} isDone
 * @param {() => Promise<unknown>} work
 */
export async function unlessDone(isDone, work) {
  if (isDone()) return;
  makeCacheDirectory();
  await lock();
  process.on('exit', unlock);
  try {
    if (!isDone()) await work();
  } finally {
    process.removeListener('exit', unlock);
    unlock();
  }
}

function makeCacheDirectory() {
  try {
    mkdirSync(cacheDirectory, { recursive: true });
  } catch (error) {
    throw new SetupError(
      `Set-up cannot make its cache directory ${cacheDirectory} (${/** @type {NodeJS.ErrnoException} */ (error).code}): set DDA_CACHE to one that you may write to.`,
    );
  }
}

async function lock() {
  let isFirst = true;
  while (!take()) {
    const other = owner();
    // It may have ended just now, or long ago.
    if (other === 0) continue;
    if (isFirst) say(`waiting for another set-up (process ${other}) to end…`);
    isFirst = false;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** A link appears at once, with its content: a lock always names its owner. */
function take() {
  const mine = `${lockFile}.${process.pid}`;
  try {
    writeFileSync(mine, String(process.pid));
    linkSync(mine, lockFile);
    return true;
  } catch (error) {
    const { code } = /** @type {NodeJS.ErrnoException} */ (error);
    if (code === 'EACCES' || code === 'EROFS') {
      throw new SetupError(
        `Something that dda needs is missing in ${cacheDirectory}, and you may not write there: set DDA_CACHE to a directory of yours.`,
      );
    }
    if (code !== 'EEXIST') throw error;
    // A set-up that was killed leaves its lock behind.
    if (!isAlive(owner())) unlock();
    return false;
  } finally {
    removeFile(mine);
  }
}

function unlock() {
  removeFile(lockFile);
}

/** @param {string} path */
function removeFile(path) {
  try {
    unlinkSync(path);
  } catch (error) {
    const { code } = /** @type {NodeJS.ErrnoException} */ (error);
    if (code !== 'ENOENT' && code !== 'EACCES' && code !== 'EROFS') throw error;
  }
}

/** @returns {number} 0 when nobody has it any more */
function owner() {
  try {
    return Number(readFileSync(lockFile, 'utf8'));
  } catch {
    return 0;
  }
}

/** @param {number} pid */
function isAlive(pid) {
  if (pid === 0) return true;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM';
  }
}
