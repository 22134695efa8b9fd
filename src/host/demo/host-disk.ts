import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Host, readFacts } from '../moves/host-facts.ts';
import { usageOf } from '../usage/function-usage.ts';
import { DemoError } from './demo-error.ts';

const LOOK_AGAIN_MS = 50;

/** The disk of a function that is back with its driver, which finds it a moment after it has the function. */
export async function waitForDisk(host: Host, name: string, deadlineMs: number): Promise<string> {
  const started = performance.now();
  for (;;) {
    const disk = usageOf(readFacts(host).usage, name).blockDevices.find((each) => /^nvme\d+n\d+$/.test(each));
    if (disk !== undefined) return `/dev/${disk}`;
    if (performance.now() - started > deadlineMs) {
      throw new DemoError(
        'demo-disk-missing',
        `${name} is back with the host's driver, but ${deadlineMs / 1000} s later its disk is not. The driver's own words are in dmesg.`,
      );
    }
    await sleep(LOOK_AGAIN_MS);
  }
}

/** SHA-256 of the first bytes of a disk. */
export async function checksumOf(path: string, sizeBytes: number): Promise<string> {
  const hash = createHash('sha256');
  const file = await open(path, 'r');
  try {
    const buffer = Buffer.alloc(1024 * 1024);
    for (let done = 0; done < sizeBytes; ) {
      const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.length, sizeBytes - done), done);
      if (bytesRead === 0) {
        throw new DemoError(
          'demo-bytes-differ',
          `${path} ends after ${done} bytes; the guest had written ${sizeBytes}.`,
        );
      }
      hash.update(buffer.subarray(0, bytesRead));
      done += bytesRead;
    }
  } finally {
    await file.close();
  }
  return hash.digest('hex');
}
