/** Bytes from hexadecimal text; blanks are for the reader. `length` adds zeros. */
export function hex(text: string, length?: number): Uint8Array {
  const digits = text.replaceAll(' ', '');
  const data = Uint8Array.from({ length: digits.length / 2 }, (_, i) =>
    Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16),
  );
  const padded = new Uint8Array(length ?? data.byteLength);
  padded.set(data);
  return padded;
}
