import { BootError, BootErrorCode } from './boot-error.ts';
import type { BzImage } from './bzimage.ts';
import { compressionOf, DecompressionError, decompress } from './decompress.ts';

/** The largest kernels, with debug information stripped as in a bzImage, stay well below. */
const VMLINUX_MAX_BYTES = 1024 ** 3;

/**
 * The uncompressed kernel inside a bzImage, for {@link parseVmlinux}: a guest that starts with it need not unpack it itself.
 *
 * @throws BootError `kernel-payload-unsupported` (compressed otherwise than with gzip, xz or zstd), `kernel-payload-bad`, `decompressor-missing`.
 */
export async function extractVmlinux(image: BzImage): Promise<Uint8Array> {
  const format = compressionOf(image.compressedVmlinux);
  if (!format) {
    throw new BootError(
      BootErrorCode.kernelPayloadUnsupported,
      'The kernel inside the bzImage is not compressed with gzip, xz or zstd. Start the bzImage itself: it can unpack it.',
    );
  }
  // Behind the compressed kernel stands its unpacked size; gzip's own last field is just that.
  const compressed = format === 'gzip' ? image.compressedVmlinux : image.compressedVmlinux.subarray(0, -4);
  try {
    return await decompress(compressed, format, VMLINUX_MAX_BYTES);
  } catch (cause) {
    if (!(cause instanceof DecompressionError)) throw cause;
    throw new BootError(
      BootErrorCode.kernelPayloadBad,
      `The kernel inside the bzImage can't be unpacked: ${cause.message}. Copy the file again.`,
      { cause },
    );
  }
}
