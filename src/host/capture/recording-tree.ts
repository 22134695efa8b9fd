import { TreeAccessDenied } from '../tree/host-tree.ts';
import type { HostTree } from '../tree/host-tree.ts';

/** What was found at a path. */
export type Recorded =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'link'; readonly target: string }
  | { readonly kind: 'names'; readonly names: readonly string[] }
  /** There, and that is all that was asked. */
  | { readonly kind: 'there' }
  | { readonly kind: 'denied' };

/** Passes every question on to another tree, and keeps the answers. */
export class RecordingTree implements HostTree {
  readonly #inner: HostTree;
  readonly #answers = new Map<string, Recorded>();
  /** Where links lead in the end. */
  readonly #real = new Map<string, string>();

  constructor(inner: HostTree) {
    this.#inner = inner;
  }

  text(path: string): string | undefined {
    const text = this.#ask(path, () => this.#inner.text(path));
    if (text !== undefined) this.#keep(path, { kind: 'text', text });
    return text;
  }

  bytes(path: string, maxBytes: number): Uint8Array | undefined {
    const bytes = this.#ask(path, () => this.#inner.bytes(path, maxBytes));
    if (bytes !== undefined) this.#keep(path, { kind: 'bytes', bytes });
    return bytes;
  }

  list(path: string): readonly string[] {
    const names = this.#ask(path, () => this.#inner.list(path));
    if (names.length > 0 || this.#inner.exists(path)) this.#keep(path, { kind: 'names', names });
    return names;
  }

  link(path: string): string | undefined {
    const target = this.#ask(path, () => this.#inner.link(path));
    if (target !== undefined) this.#answers.set(path, { kind: 'link', target });
    return target;
  }

  real(path: string): string | undefined {
    const real = this.#inner.real(path);
    if (real === undefined) return undefined;
    if (real !== path) {
      const known = this.#answers.get(path);
      this.#real.set(path, real);
      this.#answers.set(path, { kind: 'link', target: real });
      // What was asked of the link itself before was answered by what it leads to.
      if (known !== undefined && known.kind !== 'link') this.#answers.set(real, known);
    }
    if (!this.#answers.has(real)) this.#answers.set(real, { kind: 'there' });
    return real;
  }

  exists(path: string): boolean {
    const there = this.#inner.exists(path);
    if (there && !this.#answers.has(path)) this.#answers.set(path, { kind: 'there' });
    return there;
  }

  /** Every answer, under the path that has no link on its way; ascending by path. */
  answers(): [string, Recorded][] {
    const found = new Map<string, Recorded>();
    for (const [path, answer] of this.#answers) {
      const place = this.#withoutLinks(path);
      const known = found.get(place);
      if (known === undefined || known.kind === 'there') found.set(place, answer);
    }
    return [...found].toSorted(([a], [b]) => (a < b ? -1 : 1));
  }

  #keep(path: string, answer: Recorded): void {
    this.#answers.set(this.#real.get(path) ?? path, answer);
  }

  #withoutLinks(path: string): string {
    for (let cut = path.lastIndexOf('/'); cut > 0; cut = path.lastIndexOf('/', cut - 1)) {
      const real = this.#real.get(path.slice(0, cut));
      if (real !== undefined) return real + path.slice(cut);
    }
    return path;
  }

  #ask<T>(path: string, ask: () => T): T {
    try {
      return ask();
    } catch (error) {
      if (error instanceof TreeAccessDenied) this.#answers.set(path, { kind: 'denied' });
      throw error;
    }
  }
}
