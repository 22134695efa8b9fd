import type { GuestMemory } from '../../../hyperv/index.ts';
import type { DmaBuffer, MmioRequest, VectorTarget } from '../../front-ends/guest-platform.ts';

const PAGE_BYTES = 4096;
const FIRST_VECTOR = 0x21;
const LAST_VECTOR = 0xee;

/** Where free guest-physical address space begins and ends, below and above 4 GiB. */
const SPACE = {
  low: { start: 0xe000_0000, end: 0xf000_0000 },
  high: { start: 0x10_0000_0000, end: 0x20_0000_0000 },
} as const;

export interface GuestHardwareOptions {
  /** RAM. */
  readonly memory: GuestMemory;
  /** The part of RAM, contiguous, that buffers for DMA come from: where it begins and ends. */
  readonly dma: { readonly start: number; readonly end: number };
  /** 2 by default. */
  readonly vpCount?: number;
}

/** RAM, address space and interrupt vectors of a guest: who has what, and whether all of it came back. */
export class GuestHardware {
  readonly vpCount: number;
  readonly #memory: GuestMemory;
  readonly #dma: GuestHardwareOptions['dma'];
  readonly #ranges = new Map<number, number>();
  readonly #buffers = new Map<number, number>();
  readonly #handlers = new Map<string, (() => void) | undefined>();
  #nextVp = 0;

  constructor({ memory, dma, vpCount = 2 }: GuestHardwareOptions) {
    this.#memory = memory;
    this.#dma = dma;
    this.vpCount = vpCount;
  }

  /** What is taken now: ranges, pages, vectors. All zero: nothing leaked. */
  get taken(): { readonly ranges: number; readonly buffers: number; readonly vectors: number } {
    return { ranges: this.#ranges.size, buffers: this.#buffers.size, vectors: this.#handlers.size };
  }

  allocateMmio({ sizeBytes, alignBytes, below4GiB }: MmioRequest): number | undefined {
    const { start, end } = below4GiB ? SPACE.low : SPACE.high;
    const size = Math.ceil(sizeBytes / PAGE_BYTES) * PAGE_BYTES;
    return place(this.#ranges, Math.ceil(start / alignBytes) * alignBytes, end, size, alignBytes);
  }

  freeMmio(gpa: number): void {
    if (!this.#ranges.delete(gpa)) throw new Error(`no range at 0x${gpa.toString(16)} to free`);
  }

  allocateDma(sizeBytes: number): DmaBuffer {
    const size = Math.ceil(sizeBytes / PAGE_BYTES) * PAGE_BYTES;
    const gpa = place(this.#buffers, this.#dma.start, this.#dma.end, size, PAGE_BYTES);
    if (gpa === undefined) throw new Error(`the guest has no ${sizeBytes} bytes of memory left`);
    return {
      gpa,
      sizeBytes: size,
      read: (offset, bytes) => {
        const copy = new Uint8Array(bytes);
        if (!this.#memory.copyOut(gpa + offset, copy)) throw new RangeError(`no RAM at ${gpa + offset} + ${bytes}`);
        return copy;
      },
      write: (offset, bytes) => {
        if (!this.#memory.copyIn(gpa + offset, bytes))
          throw new RangeError(`no RAM at ${gpa + offset} + ${bytes.byteLength}`);
      },
    };
  }

  freeDma({ gpa }: DmaBuffer): void {
    if (!this.#buffers.delete(gpa)) throw new Error(`no memory at 0x${gpa.toString(16)} to free`);
  }

  allocateVector(): VectorTarget | undefined {
    for (let tried = 0; tried < this.vpCount; tried += 1) {
      const vp = this.#nextVp;
      this.#nextVp = (this.#nextVp + 1) % this.vpCount;
      for (let vector = FIRST_VECTOR; vector <= LAST_VECTOR; vector += 1) {
        if (this.#handlers.has(key({ vector, vp }))) continue;
        this.#handlers.set(key({ vector, vp }), undefined);
        return { vector, vp };
      }
    }
    return undefined;
  }

  handleVector(target: VectorTarget, handler: (() => void) | undefined): void {
    if (!this.#handlers.has(key(target))) throw new Error(`vector ${key(target)} was never allocated`);
    this.#handlers.set(key(target), handler);
  }

  freeVector(target: VectorTarget): void {
    if (!this.#handlers.delete(key(target))) throw new Error(`vector ${key(target)} is free already`);
  }

  /** The processor takes the interrupt. False: nobody handles that vector. */
  interrupt(target: VectorTarget): boolean {
    const handler = this.#handlers.get(key(target));
    handler?.();
    return handler !== undefined;
  }
}

function key({ vector, vp }: VectorTarget): string {
  return `VP ${vp} 0x${vector.toString(16)}`;
}

/** The first free run, remembered in `taken` as start and size. */
function place(
  taken: Map<number, number>,
  start: number,
  end: number,
  sizeBytes: number,
  alignBytes: number,
): number | undefined {
  const sorted = [...taken].sort(([a], [b]) => a - b);
  let at = start;
  for (const [gpa, size] of sorted) {
    if (gpa + size <= at) continue;
    if (at + sizeBytes <= gpa) break;
    at = Math.ceil((gpa + size) / alignBytes) * alignBytes;
  }
  if (at + sizeBytes > end) return undefined;
  taken.set(at, sizeBytes);
  return at;
}
