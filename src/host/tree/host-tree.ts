/**
 * What can be read of a host: files, directories and links under `/sys`, `/proc` and `/dev`, named by their absolute paths
 * on that host. The same readers work on the running host, on a copy of another host's tree, and on one made for a test.
 */
export interface HostTree {
  /**
   * A file's text without the line end. Undefined when there is no such file, or the kernel has no value to give for it
   * just now. Throws {@link TreeAccessDenied} where only root may look.
   */
  text(path: string): string | undefined;
  /** A file's bytes, at most `maxBytes` of them. Undefined and throwing as {@link text}. */
  bytes(path: string, maxBytes: number): Uint8Array | undefined;
  /** The names in a directory, ascending; empty when there is no such directory. Throws as {@link text}. */
  list(path: string): readonly string[];
  /** Where a link points, as it is written there. Undefined when it isn't a link; throws as {@link text}. */
  link(path: string): string | undefined;
  /** The path with all links followed. Undefined when it leads nowhere. */
  real(path: string): string | undefined;
  exists(path: string): boolean;
}

/** The reader is not allowed to look there. */
export class TreeAccessDenied extends Error {
  readonly path: string;

  constructor(path: string) {
    super(`Reading ${path} is not permitted.`);
    this.name = 'TreeAccessDenied';
    this.path = path;
  }
}

/** The last component of a path: `vfio-pci` of `/sys/bus/pci/drivers/vfio-pci`. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** Reads a decimal or 0x-prefixed number; undefined for anything else. */
export function parseNumber(text: string | undefined): number | undefined {
  if (text === undefined || !/^(?:0x[0-9a-f]+|-?[0-9]+)$/i.test(text)) return undefined;
  return Number(text);
}
