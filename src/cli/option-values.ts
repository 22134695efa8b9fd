import { InvalidArgumentError } from 'commander';

const sizeUnits = { K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 } as const;
const timeUnits = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;
const MAX_DURATION_MS = 24 * timeUnits.h;

/** `512M`, `2G`, `2GiB` in bytes. */
export function parseSize(text: string): number {
  const [, digits, unit] = /^(\d+)([KMGT])(?:i?B)?$/i.exec(text) ?? [];
  const bytes = Number(digits) * (sizeUnits[unit?.toUpperCase() as keyof typeof sizeUnits] ?? Number.NaN);
  if (Number.isSafeInteger(bytes) && bytes > 0) return bytes;
  throw new InvalidArgumentError('It is a number and a unit: 512M, 2G.');
}

/** `500ms`, `60s`, `2m` in milliseconds; a day at the most. */
export function parseDuration(text: string): number {
  const [, digits, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text) ?? [];
  const ms = Math.round(Number(digits) * (timeUnits[unit as keyof typeof timeUnits] ?? Number.NaN));
  if (ms >= 0 && ms <= MAX_DURATION_MS) return ms;
  throw new InvalidArgumentError('It is a number and a unit, a day at the most: 500ms, 60s, 2m.');
}

/** A whole number between two others. */
export function parseCount(least: number, most: number): (text: string) => number {
  return (text) => {
    const count = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (count >= least && count <= most) return count;
    throw new InvalidArgumentError(`It is a whole number from ${least} to ${most}.`);
  };
}

/** For options that may be given often. */
export function collect(value: string, earlier: readonly string[] = []): string[] {
  return [...earlier, value];
}
