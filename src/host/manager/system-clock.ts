import type { ClockPort } from './ports.ts';

/** setTimeout takes no longer delays; who waits longer waits again. */
const longestMs = 2_000_000_000;

/** Real time. It only goes forward, even when somebody sets the machine's clock. */
export const systemClock: ClockPort = {
  nowMs: () => performance.timeOrigin + performance.now(),
  after(delayMs, due) {
    const timer = setTimeout(due, Math.min(delayMs, longestMs));
    return () => clearTimeout(timer);
  },
};
