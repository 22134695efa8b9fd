import { type Case, nameOf } from './guests.ts';
import { type FromRig, type Outcome, SIDES, type Side } from './plan.ts';

/** The device is back by then after the deadline, and nothing else was held up for longer. Milliseconds. */
const AIM = { returnAfterDeadlineMs: 1000, delayMs: 200 } as const;

export interface HostageRow {
  readonly guest: string;
  /** What the guest was given. An unplug gives none: the host's kernel waits. */
  readonly deadlineMs: number;
  readonly dda?: Outcome;
  readonly qemu?: Outcome;
}

export interface HostageReport {
  readonly bench: 'hostage';
  readonly rows: readonly HostageRow[];
}

export function report(cases: readonly Case[], deadlineMs: number, lines: readonly FromRig[]): HostageReport {
  const rows = cases.map((each): HostageRow => {
    const outcomes = SIDES.flatMap((side) => {
      const found = lines.find(
        (line) => line.kind === 'outcome' && line.side === side && nameOf(line.case) === nameOf(each),
      );
      return found?.kind === 'outcome' ? [[side, found.outcome] as const] : [];
    });
    return {
      guest: nameOf(each),
      deadlineMs: each.way === 'unplug' ? 0 : deadlineMs,
      ...(Object.fromEntries(outcomes) as Partial<Record<Side, Outcome>>),
    };
  });
  return { bench: 'hostage', rows };
}

/** For people. */
export function table({ rows }: HostageReport): string {
  const measures = ['returnMs', 'rescanMs', 'otherMs'] as const;
  const head = ['guest', 'deadline', ...SIDES.flatMap((side) => [`${side}: return`, 'rescan', 'other']), "dda's aims"];
  const cells = rows.map((row) => [
    row.guest,
    String(row.deadlineMs),
    ...SIDES.flatMap((side) => measures.map((measure) => cell(row[side], measure))),
    verdict(row),
  ]);
  const all = [head, ...cells];
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const text = all.map((row) =>
    row
      .map((each, column) => each.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return [
    "Milliseconds. return: from the request to the device back under the host's driver (unplug: until the kernel has let go of it).",
    'rescan, other: the longest delay meanwhile of a rescan of the buses, and of taking another device out and putting it back.',
    `Aims: return within the deadline + ${AIM.returnAfterDeadlineMs}; rescan and other delayed by ${AIM.delayMs} at the most.`,
    '',
    ...text,
    '',
  ].join('\n');
}

function cell(outcome: Outcome | undefined, measure: keyof Outcome): string {
  return outcome === undefined ? '-' : (outcome[measure]?.toString() ?? 'never');
}

function verdict({ dda, deadlineMs }: HostageRow): string {
  if (dda === undefined) return '';
  const missed = [
    isWithin(dda.returnMs, deadlineMs + AIM.returnAfterDeadlineMs) ? '' : 'return',
    isWithin(dda.rescanMs, AIM.delayMs) ? '' : 'rescan',
    isWithin(dda.otherMs, AIM.delayMs) ? '' : 'other',
  ].filter((name) => name !== '');
  return missed.length === 0 ? 'met' : `MISSED: ${missed.join(', ')}`;
}

const isWithin = (ms: number | null, mostMs: number): boolean => ms !== null && ms <= mostMs;
