import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readLimit, Resource, writeLimit } from '../libc/limits.ts';
import { SystemCallError } from '../libc/system-call-error.ts';
import type { DmaBackend, EnteredFunction, JoinedDevice } from './dma-backend.ts';
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

  enter(bdf: string): EnteredFunction {
    const open = (): JoinedDevice => {
      this.calls.push(`join ${bdf}`);
      return { deviceFd: 5, kvmFileFd: 6, leave: () => this.calls.push(`leave ${bdf}`) };
    };
    return { open, openAside: async () => (bdf === 'held' ? Promise.reject(new Error('held')) : open()) };
  }
  async mapAside(mapping: { readonly iova: number }): Promise<void> {
    this.map(mapping);
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

const page = (iova: number) => ({ iova, sizeBytes: 4096, hostAddress: BigInt(iova) });

test('opened and given its memory at once: mapped once, and for as long as somebody holds it', async () => {
  const backend = new RecordingBackend();
  const domain = new DmaDomain(backend, 0);
  const [one] = await Promise.all([
    domain.joinWith('one', [page(0), page(8192)]),
    domain.joinWith('other', [page(0), page(8192)]),
  ]);
  assert.deepEqual(backend.calls.toSorted(), ['join one', 'join other', 'map 0', 'map 8192']);
  domain.mapDma(0, 4096, 0n);
  for (let hold = 0; hold < 2; hold++) domain.unmapDma(0, 4096);
  one.leave();
  assert.equal(backend.calls.includes('unmap 0'), false);
  domain.unmapDma(0, 4096);
  assert.equal(backend.calls.includes('unmap 0'), true);
});

test('a function that is held elsewhere keeps no memory mapped, memory that is refused keeps no function open', async () => {
  const backend = new RecordingBackend();
  const domain = new DmaDomain(backend, 0);
  await assert.rejects(domain.joinWith('held', [page(0)]), /held/);
  backend.refusal = enomem;
  await assert.rejects(domain.joinWith('one', [page(0)]), { code: 'ENOMEM' });
  assert.deepEqual(backend.calls, ['map 0', 'unmap 0', 'join one', 'leave one']);
  assert.equal(domain.mappedBytes, 0);
  // Neither stands in the way of the next.
  backend.refusal = undefined;
  await domain.joinWith('one', [page(0)]);
});

test('a mapping in pieces that is broken off is taken back, and can be made later', async () => {
  const backend = new RecordingBackend();
  const domain = new DmaDomain(backend, 0);
  const memory = [{ iova: 0, sizeBytes: 192 * mebibyte, hostAddress: 0n }];
  const unwanted = new AbortController();
  const stopped = domain.joinWith('one', memory, undefined, unwanted.signal);
  await Promise.resolve();
  unwanted.abort(new Error('not wanted any more'));
  await assert.rejects(stopped, /not wanted any more/);
  assert.deepEqual(backend.calls, ['join one', 'map 0', 'unmap 0', 'leave one']);
  assert.equal(domain.mappedBytes, 0);
  backend.calls.length = 0;
  await domain.joinWith('one', memory);
  assert.deepEqual(backend.calls, ['join one', 'map 0', `map ${64 * mebibyte}`, `map ${128 * mebibyte}`]);
});

test('memory for a function that can not be opened is not mapped to its end', async () => {
  const backend = new RecordingBackend();
  const domain = new DmaDomain(backend, 0);
  await assert.rejects(domain.joinWith('held', [{ iova: 0, sizeBytes: 640 * mebibyte, hostAddress: 0n }]), /held/);
  assert.ok(backend.calls.length < 10, backend.calls.join(', '));
});
