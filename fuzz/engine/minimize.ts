import type { Input } from './input.ts';

/** The smallest input that could be found by leaving things out of `input` for which `holds` still says yes. */
export async function minimize(
  input: Input,
  holds: (candidate: Input) => Promise<boolean>,
  mostTries: number,
): Promise<Input> {
  let best = input;
  let tries = 0;
  const attempt = async (candidate: Input): Promise<boolean> => {
    if (tries >= mostTries) return false;
    tries += 1;
    if (!(await holds(candidate))) return false;
    best = candidate;
    return true;
  };
  // Whole operations, from large runs of them to single ones; the setup is the first part and stays.
  for (let size = Math.max(1, (best.length - 1) >>> 1); size >= 1; size = Math.floor(size / 2)) {
    for (let at = best.length - size; at >= 1; at -= size) {
      await attempt([...best.slice(0, at), ...best.slice(at + size)]);
    }
  }
  // Then the bytes of what is left: cut off at the end, and made zero.
  for (let part = 0; part < best.length; part += 1) {
    for (let length = best[part]?.length ?? 0; length >= 1; length >>>= 1) {
      let shorter = (best[part]?.length ?? 0) >= length;
      while (shorter) {
        shorter = await attempt(withPart(best, part, cut(best[part], length)));
        shorter &&= (best[part]?.length ?? 0) >= length;
      }
    }
    for (let at = 0; at < (best[part]?.length ?? 0); at += 1) {
      const bytes = best[part];
      if (bytes === undefined || bytes[at] === 0) continue;
      const zeroed = Uint8Array.from(bytes);
      zeroed[at] = 0;
      await attempt(withPart(best, part, zeroed));
    }
  }
  return best;
}

function cut(part: Uint8Array | undefined, length: number): Uint8Array {
  return (part ?? new Uint8Array()).slice(0, Math.max(0, (part?.length ?? 0) - length));
}

function withPart(input: Input, index: number, part: Uint8Array): Input {
  return input.map((old, i) => (i === index ? part : old));
}
