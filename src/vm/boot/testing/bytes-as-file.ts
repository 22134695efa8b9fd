import { BootError, BootErrorCode } from '../boot-error.ts';
import type { ImageFile } from '../image-file.ts';

/** Bytes in memory in the place of a file. */
export function bytesAsFile(bytes: Uint8Array): ImageFile {
  return {
    sizeBytes: bytes.byteLength,
    read: (offset, target) => {
      if (offset + target.byteLength > bytes.byteLength) {
        throw new BootError(BootErrorCode.kernelTruncated, 'a part behind the end was asked for');
      }
      target.set(bytes.subarray(offset, offset + target.byteLength));
    },
  };
}
