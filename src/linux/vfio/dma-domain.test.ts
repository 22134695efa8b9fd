import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readLimit, Resource, writeLimit } from '../libc/limits.ts';
import { SystemCallError } from '../libc/system-call-error.ts';
import type { DmaBackend, JoinedDevice } from './dma-backend.ts';
import { DmaDomain } from './dma-domain.ts';

const enomem = 12;
const einval = 22;
const mebibyte = 1024 * 1024;

/** A backend that writes down what it is asked, and refuses with `refusal` once that is set. */
class RecordingBackend implements DmaBackend {
  readonly kind = 'container';
  readonly handles = { backend: 'container', fd: -1 } as const;
  readonly calls: string[] = [];
  refusal: number | undefined;

  join(bdf: string): JoinedDevice {
    this.calls.push(`join ${bdf}`);
    return { deviceFd: 5, kvmFileFd: 6, leave: () => this.calls.push(`leave ${bdf}`) };
  }
  map({ iova }: { readonly iova: number }): void {
    if (this.refusal !== undefined) throw new SystemCallError(this.refusal, 'map');
    this.calls.push(`map ${iova}`);
  }
  unmap(iova: number): void {
    this.calls.push(`unmap ${iova}`);
  }
  unmapAll(): void {
    this.calls.push('unmap all');
  }
  iovaRanges(): { first: bigint; last: bigint }[] {
    return [{ first: 0n, last: 0xfedf_ffffn }];
  }
  close(): void {
    this.calls.push('close');
  }
}

test('memory is mapped once for all devices and unmapped before the last lets go', () => {
  const backend = new RecordingBackend();
  const domain = new DmaDomain(backend, 0);
  assert.throws(() => domain.mapDma(0, 4096, 1n), { code: 'vfio-domain-empty' });
  const one = domain.join('one');
  const other = domain.join('other');
  domain.mapDma(0, 4096, 0x1000n);
  domain.mapDma(0, 4096, 0x1000n);
  domain.unmapDma(0, 4096);
  one.leave();
  other.leave();
  domain.unmapDma(0, 4096);
  domain.close();
  domain.close();
  assert.deepEqual(backend.calls, [
    'join one',
    'join other',
    'map 0',
    'leave one',
    'unmap all',
    'leave other',
    'close',
  ]);
});

test('a refused mapping is not held, and the reason is told', () => {
  const backend = new RecordingBackend();
  const domain = new DmaDomain(backend, 0);
  domain.join('one');
  backend.refusal = einval;
  assert.throws(() => domain.mapDma(0xfee0_0000, 4096, 1n), { code: 'vfio-dma-reserved' });
  assert.throws(() => domain.mapDma(0, 4096, 1n), { name: 'SystemCallError', code: 'EINVAL' });
  backend.refusal = enomem;
  assert.throws(() => domain.mapDma(0, 4096, 1n), { name: 'SystemCallError', code: 'ENOMEM' });
  assert.equal(domain.mappedBytes, 0);
  backend.refusal = undefined;
  domain.mapDma(0, 4096, 1n);
  assert.equal(domain.mappedBytes, 4096);
});

test('memory beyond the limit on locking is told apart from memory that is not there', () => {
  const backend = new RecordingBackend();
  const domain = new DmaDomain(backend, 0);
  domain.join('one');
  backend.refusal = enomem;
  const limit = readLimit(Resource.lockedMemory);
  writeLimit(Resource.lockedMemory, { soft: Math.min(limit.soft, mebibyte), hard: limit.hard });
  assert.throws(() => domain.mapDma(0, 2 * mebibyte, 1n), { code: 'vfio-memlock-too-low', message: /LimitMEMLOCK=2M/ });
});
