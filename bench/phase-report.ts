import { median } from './report.ts';
import { type RoundsLine, SIDES, type Side } from './rounds.ts';

const WHOLES = ['boot', 'hot-add'] as const;

interface PhaseMedian {
  readonly side: Side;
  readonly of: (typeof WHOLES)[number];
  readonly phase: string;
  readonly ms: number;
}

/** The median of each phase that every round had. */
export function phaseMedians(lines: readonly RoundsLine[]): PhaseMedian[] {
  return WHOLES.flatMap((of) =>
    SIDES.flatMap((side) => {
      const rounds = lines.flatMap((line) =>
        line.kind === 'measured' && line.side === side ? [line.result.phases[of]] : [],
      );
      const names = rounds[0]?.map(({ name }) => name) ?? [];
      return names.map((phase) => {
        const all = rounds.flatMap((phases) => phases.filter(({ name }) => name === phase).map(({ ms }) => ms));
        return { side, of, phase, ms: Math.round(median(all)) };
      });
    }),
  );
}

export function phaseTable(lines: readonly RoundsLine[]): string {
  const rows = phaseMedians(lines).map(
    ({ side, of, phase, ms }) => `${of.padEnd(8)}  ${side.padEnd(5)}${String(ms).padStart(6)} ms  ${phase}`,
  );
  return `Medians. Being watched takes time: the whole is more than without.\n\n${rows.join('\n')}\n`;
}
