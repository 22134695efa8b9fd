/** Bytes of a xorshift generator begun anew in each block, from its number and the seed. */
export function patternFrom(block: number, blockCount: number, blockBytes: number, seed: number): Uint8Array {
  const words = new Uint32Array((blockCount * blockBytes) / 4);
  let state = 0;
  for (let i = 0; i < words.length; i += 1) {
    const at = (4 * i) % blockBytes;
    if (at === 0)
      state = (Math.imul(block + (4 * i) / blockBytes + 1, 0x9e37_79b1) ^ Math.imul(seed + 1, 0x85eb_ca6b)) | 1;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[i] = state;
  }
  return new Uint8Array(words.buffer);
}
