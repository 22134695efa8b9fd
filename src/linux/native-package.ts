import { fileURLToPath } from 'node:url';

/** Where the native part of this program is installed: without being able to read it, no process can use this part. */
export function nativePackageFile(): string {
  return fileURLToPath(import.meta.resolve('koffi'));
}
