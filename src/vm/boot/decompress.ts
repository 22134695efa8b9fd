import { spawn } from 'node:child_process';
import { promisify } from 'node:util';
import { gunzip, zstdDecompress } from 'node:zlib';
import { BootError, BootErrorCode } from './boot-error.ts';

/** How a file begins that one of the tools has compressed (each format's own specification). */
const MAGIC = {
  xz: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00],
  zstd: [0x28, 0xb5, 0x2f, 0xfd],
  gzip: [0x1f, 0x8b],
} as const;
export type Compression = keyof typeof MAGIC;

/** Which tool has compressed `bytes`; undefined if none of those known. */
export function compressionOf(bytes: Uint8Array): Compression | undefined {
  const formats: readonly Compression[] = ['xz', 'zstd', 'gzip'];
  return formats.find((format) => MAGIC[format].every((byte, index) => bytes[index] === byte));
}

/** The input is damaged, or unpacks to more than it may. */
export class DecompressionError extends Error {
  override readonly name = 'DecompressionError';
}

/**
 * Unpacks xz, zstd or gzip. What follows the first stream is ignored in zstd and gzip, and must be padding in xz.
 *
 * @throws DecompressionError for damaged input or more than `maxBytes` of output; BootError `decompressor-missing` without the xz tool.
 */
export async function decompress(bytes: Uint8Array, format: Compression, maxBytes: number): Promise<Uint8Array> {
  try {
    if (format === 'gzip') return await promisify(gunzip)(bytes, { maxOutputLength: maxBytes });
    if (format === 'zstd') return await promisify(zstdDecompress)(bytes, { maxOutputLength: maxBytes });
  } catch (cause) {
    throw new DecompressionError(`not a whole ${format} file, or more than ${maxBytes} bytes when unpacked`, { cause });
  }
  return unpackXz(bytes, maxBytes);
}

/** Node has no xz; the tool of that name is on every Debian that has a kernel. */
function unpackXz(bytes: Uint8Array, maxBytes: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const tool = spawn('xz', ['--decompress', '--stdout', '--single-stream'], { stdio: ['pipe', 'pipe', 'pipe'] });
    const chunks: Uint8Array[] = [];
    let sizeBytes = 0;
    let complaint = '';
    tool.once('error', (cause) =>
      reject(
        new BootError(
          BootErrorCode.decompressorMissing,
          "The file is compressed with xz, and the tool 'xz' can't be run. Install the package xz-utils.",
          { cause },
        ),
      ),
    );
    tool.stderr.on('data', (chunk: Buffer) => {
      complaint = (complaint + chunk.toString('latin1')).slice(0, 200);
    });
    tool.stdout.on('data', (chunk: Buffer) => {
      sizeBytes += chunk.length;
      if (sizeBytes > maxBytes) tool.kill();
      else chunks.push(chunk);
    });
    // A tool that gives up early closes its input; its exit code tells the story.
    tool.stdin.on('error', () => undefined);
    tool.once('close', (code) => {
      if (sizeBytes > maxBytes) reject(new DecompressionError(`more than ${maxBytes} bytes when unpacked`));
      else if (code !== 0) reject(new DecompressionError(complaint.trim() || `xz ended with exit code ${code}`));
      else resolve(Buffer.concat(chunks));
    });
    tool.stdin.end(bytes);
  });
}
