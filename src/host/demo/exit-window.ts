import { SILENCE_SECONDS } from './guest-script.ts';

/** How many exits to user space there had been at some moment between question and answer (CLOCK_MONOTONIC, ns). */
export interface ExitSample {
  readonly askedNs: bigint;
  readonly answeredNs: bigint;
  readonly exits: number;
}

export interface ExitWindow {
  readonly from: ExitSample;
  readonly to: ExitSample;
}

/** The guest's clock and the host's may run apart by a little. */
const SILENCE_NS = BigInt(SILENCE_SECONDS * 0.95e9);

/**
 * A stretch of time that surely holds all of the reads, and as little of the console's traffic before and after as can be.
 * The guest heard the host's word after it was typed, and was silent for a while before it read: so a sample whose answer was here
 * sooner than that after the typing is from before the reads. It was silent for as long after them and then spoke: so a
 * sample that was asked for later than that before its first byte came is from after them. Whatever else exits in between is
 * counted too: the number may come out too high, never too low. Undefined: no samples at the right times.
 */
export function exitWindow(
  samples: readonly ExitSample[],
  typedNs: bigint,
  firstByteNs: bigint,
): ExitWindow | undefined {
  const from = samples.findLast(({ askedNs, answeredNs }) => askedNs >= typedNs && answeredNs <= typedNs + SILENCE_NS);
  const to = samples.find(({ askedNs }) => askedNs >= firstByteNs - SILENCE_NS);
  return from === undefined || to === undefined || to.askedNs <= from.answeredNs ? undefined : { from, to };
}
