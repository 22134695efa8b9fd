/** Pages of guest RAM that a guest-side driver hands out to its rings. */
export class PageAllocator {
  readonly #free: number[];

  /** The pages from `gpn` on. */
  constructor({ gpn, pageCount }: { readonly gpn: number; readonly pageCount: number }) {
    this.#free = Array.from({ length: pageCount }, (_, index) => gpn + index);
  }

  get freeCount(): number {
    return this.#free.length;
  }

  /** `pageCount` pages, in no order: nobody may believe them contiguous. */
  take(pageCount: number): readonly number[] {
    if (pageCount > this.#free.length) throw new RangeError(`${pageCount} pages wanted, ${this.#free.length} free`);
    const pages = this.#free.splice(0, pageCount);
    return pages.filter((_, index) => index % 2 === 0).concat(pages.filter((_, index) => index % 2 === 1));
  }

  give(gpns: readonly number[]): void {
    this.#free.push(...gpns);
  }
}
