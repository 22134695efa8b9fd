import type { Input } from './input.ts';
import type { Random } from './random.ts';
import type { Target } from './target.ts';

/** Operations that are added to a run that got somewhere. */
const MOST_MORE = 8;

/** A run made of nothing. */
export function freshInput(target: Target, random: Random): Input {
  const count = 1 + random.below(random.below(8) === 0 ? target.mostOperations : Math.min(40, target.mostOperations));
  const setup = random.bytes(random.below(target.setupBytes + 1));
  return [setup, ...Array.from({ length: count }, () => freshPart(target, random))];
}

/** Another run like one or two that got somewhere. */
export function mutated(target: Target, base: Input, other: Input, random: Random): Input {
  let [setup = new Uint8Array(), ...parts] = base;
  const times = 1 + random.below(random.below(4) === 0 ? 12 : 4);
  for (let i = 0; i < times; i += 1) {
    if (random.below(24) === 0) setup = mutatedPart(setup, target.setupBytes, random);
    else parts = changedParts(target, parts, other.slice(1), random);
  }
  // Most of what runs is what ran before; a few more operations make more of it that is new.
  if (random.below(2) === 0) {
    const room = Math.max(0, target.mostOperations - MOST_MORE);
    parts = [
      ...parts.slice(0, room),
      ...Array.from({ length: 1 + random.below(MOST_MORE) }, () => freshPart(target, random)),
    ];
  }
  return [setup, ...parts.slice(0, target.mostOperations)];
}

function freshPart(target: Target, random: Random): Uint8Array {
  const { operationBytes } = target;
  return random.bytes(1 + random.below(random.below(2) === 0 ? operationBytes : Math.min(24, operationBytes)));
}

function changedParts(
  target: Target,
  parts: readonly Uint8Array[],
  others: readonly Uint8Array[],
  random: Random,
): Uint8Array[] {
  const next = [...parts];
  const at = random.below(parts.length + 1);
  const part = next[at];
  switch (random.below(10)) {
    case 0:
      next.splice(at, 0, freshPart(target, random));
      return next;
    case 1:
      next.splice(at, 1 + random.below(3));
      return next;
    case 2:
      if (part !== undefined) next.splice(random.below(parts.length + 1), 0, part);
      return next;
    case 3: {
      const from = random.below(others.length + 1);
      next.splice(at, 0, ...others.slice(from, from + 1 + random.below(6)));
      return next;
    }
    case 4:
      return [...next.slice(0, at), ...others.slice(random.below(others.length + 1))];
    case 5:
      for (let i = random.below(8); i >= 0; i -= 1) next.push(freshPart(target, random));
      return next;
    default:
      if (part !== undefined) next[at] = mutatedPart(part, target.operationBytes, random);
      return next;
  }
}

/** Some bytes of it are others, or it is longer or shorter. */
function mutatedPart(part: Uint8Array, mostBytes: number, random: Random): Uint8Array {
  const bytes = Uint8Array.from(part);
  if (bytes.length === 0 || random.below(12) === 0) return random.bytes(random.below(mostBytes + 1));
  for (let times = 1 + random.below(3); times > 0; times -= 1) {
    const at = random.below(bytes.length);
    const old = bytes[at] ?? 0;
    switch (random.below(6)) {
      case 0:
        bytes[at] = old ^ (1 << random.below(8));
        break;
      case 1:
        bytes[at] = old + (random.below(2) === 0 ? 1 : -1);
        break;
      case 2:
        bytes[at] = 0;
        break;
      case 3:
        bytes.copyWithin(at, random.below(bytes.length), random.below(bytes.length));
        break;
      default:
        bytes[at] = random.next();
    }
  }
  if (random.below(8) === 0) return bytes.slice(0, random.below(bytes.length + 1));
  if (random.below(8) !== 0) return bytes;
  const more = random.bytes(random.below(16));
  const longer = new Uint8Array(Math.min(mostBytes, bytes.length + more.length));
  longer.set(bytes.subarray(0, longer.length));
  longer.set(more.subarray(0, Math.max(0, longer.length - bytes.length)), Math.min(bytes.length, longer.length));
  return longer;
}
