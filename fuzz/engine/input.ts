/** What one run of a target gets: the choices of its setup, then of each operation. */
export type Input = readonly Uint8Array[];

/** One line of text: the parts in hexadecimal, `-` for one without bytes. */
export function formatInput(input: Input): string {
  return input.map((part) => (part.length === 0 ? '-' : Buffer.from(part).toString('hex'))).join(' ');
}

/** Throws RangeError for what {@link formatInput} doesn't write. */
export function parseInput(text: string): Input {
  return text
    .trim()
    .split(' ')
    .map((part) => {
      if (part === '-') return new Uint8Array();
      if (!/^(?:[0-9a-f]{2})+$/.test(part)) throw new RangeError(`'${part}' is no part of an input`);
      return Uint8Array.from(Buffer.from(part, 'hex'));
    });
}
