// What set-up tells the person who waits, and how it fails. Runs on any Node from 12 on, like everything beside it.
import { spawn } from 'child_process';
import { appendFileSync } from 'fs';
import { basename, join } from 'path';
import { cacheDirectory } from './places.mjs';

/** What stands in the way, in one sentence that also says what to do. */
export class SetupError extends Error {}

const HEARTBEAT_MS = 10000;

/** @param {string} text */
export function say(text) {
  process.stderr.write(`set-up: ${text}\n`);
}

/**
 * Says what is being done, that it is still being done, and how long it took.
 * @template T
 * @param {string} title
 * @param {(progress: (note: string) => void) => Promise<T>} work may say how far it is
 * @returns {Promise<T>}
 */
export async function step(title, work) {
  const startedAt = Date.now();
  const seconds = () => `${Math.round((Date.now() - startedAt) / 1000)} s`;
  let note = '';
  say(`${title}…`);
  const timer = setInterval(
    () => say(`  still at it after ${seconds()}${note === '' ? '' : `: ${note}`}`),
    HEARTBEAT_MS,
  );
  try {
    const result = await work((text) => {
      note = text;
    });
    say(`  done in ${seconds()}`);
    return result;
  } finally {
    clearInterval(timer);
  }
}

/**
 * Runs a tool without its chatter: all of it goes to the cache's set-up.log. apt's progress reports (its status
 * descriptor is 3) go to `progress`.
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd?: string, env?: Record<string, string>, progress?: (note: string) => void }} [options]
 * @returns {Promise<string>} its standard output
 * @throws {SetupError} with its last line, when its exit code isn't 0
 */
export function runTool(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, ...options.env };
    const child = spawn(command, args, { cwd: options.cwd, env, stdio: ['ignore', 'pipe', 'pipe', 'pipe'] });
    let output = '';
    let log = `$ ${[command, ...args].join(' ')}\n`;
    listen(child.stdio[1], (text) => {
      output += text;
      log += text;
    });
    listen(child.stdio[2], (text) => {
      log += text;
    });
    listen(child.stdio[3], (text) => {
      const report = text.trim().split('\n').pop() || '';
      const match = /^(?:dl|pm)status:[^:]*:([\d.]+):(.*)$/.exec(report);
      if (match !== null && options.progress !== undefined)
        options.progress(`${Math.round(Number(match[1]))} %, ${match[2]}`);
    });
    child.on('error', (error) => reject(new SetupError(`'${command}' cannot be run: ${error.message}.`)));
    child.on('close', (exitCode) => {
      const logFile = join(cacheDirectory, 'set-up.log');
      appendFileSync(logFile, log);
      if (exitCode === 0) resolve(output);
      else reject(new SetupError(`${nameOf(command, args)} failed: ${telling(log)} (all of its output: ${logFile})`));
    });
  });
}

/**
 * The tool with its verb, as in "apt-get update".
 * @param {string} command
 * @param {string[]} args
 */
function nameOf(command, args) {
  const verb = args.find((word) => /^[a-z]+$/.test(word)) || '';
  return `${basename(command)} ${verb}`.trim();
}

/**
 * @param {import('stream').Stream | null | undefined} stream
 * @param {(text: string) => void} take
 */
function listen(stream, take) {
  if (stream) stream.on('data', (/** @type {Buffer} */ chunk) => take(String(chunk)));
}

/**
 * What of a tool's output says most: the beginning of its errors, else its last line.
 * @param {string} log
 */
function telling(log) {
  const lines = log
    .split('\n')
    .map((line) => line.replace(/^npm (ERR!|error)/, 'E:').trim())
    .filter((line) => line !== '' && line !== 'E:' && !line.startsWith('E: code '));
  const errors = lines.filter((line) => line.startsWith('E:'));
  return errors.length > 0 ? errors.slice(0, 2).join(' ') : lines.slice(-1).join('');
}
