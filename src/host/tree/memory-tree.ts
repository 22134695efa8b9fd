import { TreeAccessDenied } from './host-tree.ts';
import type { HostTree } from './host-tree.ts';

type Node =
  | { readonly kind: 'directory'; readonly children: Map<string, Node> }
  | { readonly kind: 'file'; readonly content: string | Uint8Array; readonly denied: boolean }
  | { readonly kind: 'link'; readonly target: string };

const maxLinks = 40;

/** A host's tree held in memory: links are followed as the kernel does it, and can't lead out. */
export class MemoryTree implements HostTree {
  readonly #root: Node = { kind: 'directory', children: new Map() };
  /** Directories that were looked into, by their own path; any change of the tree may make them others. */
  readonly #known = new Map<string, Map<string, Node>>();

  file(path: string, content: string | Uint8Array): this {
    return this.#put(path, { kind: 'file', content, denied: false });
  }

  /** A file or directory that the reader may not look into. */
  denied(path: string): this {
    return this.#put(path, { kind: 'file', content: '', denied: true });
  }

  directory(path: string): this {
    this.#directory(path);
    return this;
  }

  symbolicLink(path: string, target: string): this {
    return this.#put(path, { kind: 'link', target });
  }

  remove(path: string): this {
    const { parent, name } = this.#place(path);
    parent?.delete(name);
    this.#known.clear();
    return this;
  }

  text(path: string): string | undefined {
    const node = this.#open(path);
    if (node?.kind !== 'file') return undefined;
    // Bytes are no text: what a terminal would obey must not come in this way.
    const text =
      typeof node.content === 'string'
        ? node.content
        : new TextDecoder().decode(node.content).replace(/[^\P{Cc}\n\t]/gu, '?');
    return text.replace(/\n$/, '');
  }

  bytes(path: string, maxBytes: number): Uint8Array | undefined {
    const node = this.#open(path);
    if (node?.kind !== 'file') return undefined;
    const bytes = typeof node.content === 'string' ? new TextEncoder().encode(node.content) : node.content;
    return bytes.length > maxBytes ? bytes.slice(0, maxBytes) : bytes;
  }

  list(path: string): readonly string[] {
    const node = this.#open(path);
    return node?.kind === 'directory' ? [...node.children.keys()].toSorted() : [];
  }

  link(path: string): string | undefined {
    const cut = path.lastIndexOf('/');
    const siblings = this.#children(path.slice(0, cut)) ?? this.#place(path).parent;
    const node = siblings?.get(path.slice(cut + 1));
    if (node?.kind === 'file' && node.denied) throw new TreeAccessDenied(path);
    return node?.kind === 'link' ? node.target : undefined;
  }

  real(path: string): string | undefined {
    return this.#walk(path)?.path;
  }

  exists(path: string): boolean {
    return this.#walk(path) !== undefined;
  }

  /** Every node in the order in which a copy must be made. */
  *entries(): Generator<{ path: string; content: string | Uint8Array | undefined; target: string | undefined }> {
    function* below(path: string, node: Node): ReturnType<MemoryTree['entries']> {
      if (node.kind === 'link') yield { path, content: undefined, target: node.target };
      else if (node.kind === 'file') yield { path, content: node.content, target: undefined };
      else {
        yield { path, content: undefined, target: undefined };
        for (const [name, child] of node.children) yield* below(`${path}/${name}`, child);
      }
    }
    if (this.#root.kind !== 'directory') return;
    for (const [name, child] of this.#root.children) yield* below(`/${name}`, child);
  }

  #open(path: string): Node | undefined {
    const node = this.#walk(path)?.node;
    if (node?.kind === 'file' && node.denied) throw new TreeAccessDenied(path);
    return node;
  }

  #walk(path: string): { node: Node; path: string } | undefined {
    // A reader asks for one file of a directory after the other.
    const cut = path.lastIndexOf('/');
    const children = this.#children(path.slice(0, cut));
    const name = path.slice(cut + 1);
    if (children === undefined || name === '' || name === '.' || name === '..') return this.#follow(path);
    const child = children.get(name);
    if (child?.kind === 'link') return this.#follow(path);
    return child === undefined ? undefined : { node: child, path };
  }

  /** What is in a directory that was named without any link; undefined for every other path. */
  #children(path: string): Map<string, Node> | undefined {
    const known = this.#known.get(path);
    if (known !== undefined) return known;
    const found = this.#follow(path);
    if (found?.node.kind !== 'directory' || found.path !== path) return undefined;
    this.#known.set(path, found.node.children);
    return found.node.children;
  }

  #follow(path: string): { node: Node; path: string } | undefined {
    // The components still to go, the next one last.
    const todo = split(path).toReversed();
    let trail: Node[] = [this.#root];
    let names: string[] = [];
    let links = 0;
    for (let name = todo.pop(); name !== undefined; name = todo.pop()) {
      if (name === '..') {
        if (trail.length > 1) trail.pop();
        names.pop();
        continue;
      }
      const here = trail.at(-1) ?? this.#root;
      const next = here.kind === 'directory' ? here.children.get(name) : undefined;
      if (next === undefined) return undefined;
      if (next.kind !== 'link') {
        trail.push(next);
        names.push(name);
        continue;
      }
      links += 1;
      if (links > maxLinks) return undefined;
      if (next.target.startsWith('/')) [trail, names] = [[this.#root], []];
      todo.push(...split(next.target).toReversed());
    }
    return { node: trail.at(-1) ?? this.#root, path: `/${names.join('/')}` };
  }

  #place(path: string): { parent: Map<string, Node> | undefined; name: string } {
    const parts = split(path);
    const parent = this.#walk(`/${parts.slice(0, -1).join('/')}`)?.node;
    return { parent: parent?.kind === 'directory' ? parent.children : undefined, name: parts.at(-1) ?? '' };
  }

  #directory(path: string): Map<string, Node> {
    const found = this.#walk(path)?.node;
    if (found?.kind === 'directory') return found.children;
    if (found !== undefined) throw new Error(`${path} is a file already.`);
    const parts = split(path);
    const parent = this.#directory(`/${parts.slice(0, -1).join('/')}`);
    const children = new Map<string, Node>();
    this.#known.clear();
    parent.set(parts.at(-1) ?? '', { kind: 'directory', children });
    return children;
  }

  #put(path: string, node: Node): this {
    const parts = split(path);
    this.#directory(`/${parts.slice(0, -1).join('/')}`).set(parts.at(-1) ?? '', node);
    this.#known.clear();
    return this;
  }
}

function split(path: string): string[] {
  return path.split('/').filter((part) => part !== '' && part !== '.');
}
