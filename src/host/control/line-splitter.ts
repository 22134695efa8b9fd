const LINE_FEED = 0x0a;

/** Cuts a stream of bytes into lines, and keeps no more of an unfinished one than a line may have. */
export class LineSplitter {
  readonly #maxLineBytes: number;
  #rest = Buffer.alloc(0);

  constructor(maxLineBytes: number) {
    this.#maxLineBytes = maxLineBytes;
  }

  /** The lines that `chunk` finishes, without their ends; undefined: one is too long, and nothing after it makes sense. */
  push(chunk: Uint8Array): string[] | undefined {
    let rest = Buffer.concat([this.#rest, chunk]);
    const lines: string[] = [];
    for (let end = rest.indexOf(LINE_FEED); end >= 0; end = rest.indexOf(LINE_FEED)) {
      if (end > this.#maxLineBytes) return undefined;
      lines.push(rest.toString('utf8', 0, end));
      rest = rest.subarray(end + 1);
    }
    if (rest.byteLength > this.#maxLineBytes) return undefined;
    this.#rest = rest;
    return lines;
  }
}
