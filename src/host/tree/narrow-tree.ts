import type { HostTree } from './host-tree.ts';

/** A host's tree in which some directories hold nothing but a few names: for who needs to know of those alone. */
export class NarrowTree implements HostTree {
  readonly #tree: HostTree;
  readonly #listings: ReadonlyMap<string, readonly string[]>;

  /** `listings`: by directory, what it holds at the most. */
  constructor(tree: HostTree, listings: ReadonlyMap<string, readonly string[]>) {
    this.#tree = tree;
    this.#listings = listings;
  }

  text(path: string): string | undefined {
    return this.#tree.text(path);
  }

  bytes(path: string, maxBytes: number): Uint8Array | undefined {
    return this.#tree.bytes(path, maxBytes);
  }

  list(path: string): readonly string[] {
    const names = this.#listings.get(path);
    if (names === undefined) return this.#tree.list(path);
    return names.filter((name) => this.#tree.exists(`${path}/${name}`)).toSorted();
  }

  link(path: string): string | undefined {
    return this.#tree.link(path);
  }

  real(path: string): string | undefined {
    return this.#tree.real(path);
  }

  exists(path: string): boolean {
    return this.#tree.exists(path);
  }
}
