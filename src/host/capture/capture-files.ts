import { closeSync, constants, fstatSync, openSync, readSync, statSync, writeFileSync } from 'node:fs';
import { gunzipSync, gzipSync } from 'node:zlib';
import { HostError } from '../errors.ts';
import { ConfinedTree } from '../tree/confined-tree.ts';
import type { HostTree } from '../tree/host-tree.ts';
import { captureLimits, parseCapture, sizeFlawOf } from './capture-format.ts';
import type { CaptureFlaw } from './capture-format.ts';

/** Writes a capture to a new file, packed if the name ends with `.gz`. Throws HostError `capture-not-written`. */
export function writeCapture(path: string, text: string): void {
  try {
    writeFileSync(path, path.endsWith('.gz') ? gzipSync(text) : text, { flag: 'wx', mode: 0o644 });
  } catch (error) {
    throw new HostError(
      'capture-not-written',
      {
        asked: `write the capture ${path}`,
        obstacle: `${reason(error, { EEXIST: 'there is such a file already' })}.`,
        remedy: 'Name another file.',
        details: { path },
      },
      { cause: error },
    );
  }
}

/**
 * Another machine's tree: a capture, packed or not, or a directory that holds `sys` and `proc` of that machine. Throws HostError
 * `capture-unreadable`, `capture-malformed`, `capture-too-large`, `capture-newer`.
 */
export function openCapture(path: string): HostTree {
  const content = readBounded(path);
  if (content === undefined) return openDirectory(path);
  const tree = parseCapture(unpacked(path, content));
  if ('code' in tree) throw flawed(path, tree);
  return tree;
}

function openDirectory(path: string): HostTree {
  const tree = new ConfinedTree(path);
  const functions = tree.list('/sys/bus/pci/devices').length;
  const flaw: CaptureFlaw | undefined =
    functions === 0
      ? { code: 'capture-malformed', sentence: 'it is a directory without sys/bus/pci/devices.' }
      : sizeFlawOf(tree, functions);
  if (flaw !== undefined) throw flawed(path, flaw);
  return tree;
}

/** Undefined: it is a directory. */
function readBounded(path: string): Uint8Array | undefined {
  try {
    if (statSync(path).isDirectory()) return undefined;
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const stats = fstatSync(fd);
      if (!stats.isFile()) throw flawed(path, { code: 'capture-malformed', sentence: 'it is no plain file.' });
      if (stats.size > captureLimits.bytes) throw flawed(path, overlong);
      const content = new Uint8Array(stats.size);
      let length = 0;
      while (length < content.length) {
        const count = readSync(fd, content, length, content.length - length, null);
        if (count === 0) break;
        length += count;
      }
      return content.subarray(0, length);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (error instanceof HostError) throw error;
    const obstacle = reason(error, { ENOENT: 'there is no such file or directory', EACCES: 'you may not read it' });
    throw new HostError(
      'capture-unreadable',
      {
        asked: `survey from ${path}`,
        obstacle: `${obstacle}.`,
        remedy: 'Name a file that "dda survey --capture FILE" wrote.',
        details: { path },
      },
      { cause: error },
    );
  }
}

const overlong: CaptureFlaw = {
  code: 'capture-too-large',
  sentence: `it is larger than ${captureLimits.bytes / 2 ** 20} MiB.`,
};

function unpacked(path: string, content: Uint8Array): string {
  const packed = content[0] === 0x1f && content[1] === 0x8b;
  try {
    return Buffer.from(packed ? gunzipSync(content, { maxOutputLength: captureLimits.bytes }) : content).toString(
      'utf8',
    );
  } catch (error) {
    const tooLarge = error instanceof RangeError;
    throw flawed(
      path,
      tooLarge ? overlong : { code: 'capture-malformed', sentence: `it can't be unpacked: ${reason(error)}.` },
    );
  }
}

function flawed(path: string, flaw: CaptureFlaw): HostError {
  return new HostError(flaw.code, {
    asked: `survey from ${path}`,
    obstacle: flaw.sentence,
    remedy:
      flaw.code === 'capture-newer'
        ? 'Use the dda that wrote it, or a newer one.'
        : 'Have it made anew on that machine: dda survey --capture FILE',
    details: { path },
  });
}

function reason(error: unknown, known: Readonly<Record<string, string>> = {}): string {
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  return (code === undefined ? undefined : known[code]) ?? (error instanceof Error ? error.message : String(error));
}
