/** Told of atomic accesses to one buffer. Offsets are in bytes. */
export interface AtomicsWatcher {
  /** After the value was taken. */
  loaded(byteOffset: number): void;
  stored(byteOffset: number, value: number): void;
  /** Bits of what was there were set. */
  flagged(byteOffset: number): void;
}

const load = Atomics.load.bind(Atomics);
const store = Atomics.store.bind(Atomics);
const or = Atomics.or.bind(Atomics);

let watched: { readonly buffer: ArrayBufferLike; readonly watcher: AtomicsWatcher } | undefined;

function watcherOf(array: ArrayBufferView): AtomicsWatcher | undefined {
  return watched?.buffer === array.buffer ? watched.watcher : undefined;
}

function install(): void {
  const hooks = {
    load: (array: Int32Array, index: number): number => {
      const value = load(array, index);
      watcherOf(array)?.loaded(array.byteOffset + index * array.BYTES_PER_ELEMENT);
      return value;
    },
    store: (array: Int32Array, index: number, value: number): number => {
      const stored = store(array, index, value);
      watcherOf(array)?.stored(array.byteOffset + index * array.BYTES_PER_ELEMENT, stored);
      return stored;
    },
    or: (array: Int32Array, index: number, value: number): number => {
      const before = or(array, index, value);
      watcherOf(array)?.flagged(array.byteOffset + index * array.BYTES_PER_ELEMENT);
      return before;
    },
  };
  Object.assign(Atomics, hooks);
}

let installed = false;

/**
 * From now on `watcher` hears of every `Atomics.load`, `store` and `or` on views of `buffer`, of this thread, and of no
 * other buffer's: so a double can change a word between two looks at it, which is what another processor would do.
 */
export function watchAtomics(buffer: ArrayBufferLike, watcher: AtomicsWatcher): void {
  if (!installed) install();
  installed = true;
  watched = { buffer, watcher };
}
