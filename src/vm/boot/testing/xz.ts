import { spawnSync } from 'node:child_process';

/** `bytes` compressed by the xz tool; undefined on a machine without it. */
export function xzBytes(bytes: Uint8Array): Buffer | undefined {
  const { stdout, error, status } = spawnSync('xz', ['--compress', '--stdout', '--check=crc32'], { input: bytes });
  if (error && 'code' in error && error.code === 'ENOENT') return undefined;
  if (error || status !== 0) throw error ?? new Error(`xz ended with exit code ${status}`);
  return stdout;
}

export const NO_XZ = "xz is not installed: Debian's package xz-utils has it";
