import { MEASURES, type Measure, type RoundsLine, SIDES, type Side } from './rounds.ts';

interface Aim {
  readonly unit: string;
  /** What the ratio dda / qemu should be at the most, or at the least. */
  readonly atMost?: number;
  readonly atLeast?: number;
  readonly digits: number;
}

const AIMS: Readonly<Record<Measure, Aim>> = {
  boot: { unit: 'ms', atMost: 1, digits: 0 },
  'hot-add': { unit: 'ms', atMost: 0.5, digits: 0 },
  eject: { unit: 'ms', digits: 0 },
  exits: { unit: 'exits', atMost: 0.2, digits: 0 },
  read4k: { unit: '1/s', atLeast: 1, digits: 0 },
  stream: { unit: 'MiB/s', atLeast: 1, digits: 1 },
  memory: { unit: 'MiB', digits: 1 },
};

export interface ComparisonRow {
  readonly name: Measure;
  readonly unit: string;
  readonly dda: number;
  readonly qemu: number;
  /** dda / qemu, of the medians. */
  readonly ratio: number;
}

export interface Comparison {
  readonly bench: 'vs-qemu';
  readonly rounds: number;
  readonly rows: readonly ComparisonRow[];
}

/** Medians of what the rounds measured. */
export function compare(lines: readonly RoundsLine[], rounds: number): Comparison {
  const rows = MEASURES.map((name): ComparisonRow => {
    const [dda, qemu] = [median(values(lines, 'dda', name)), median(values(lines, 'qemu', name))];
    const { unit, digits } = AIMS[name];
    return { name, unit, dda: round(dda, digits), qemu: round(qemu, digits), ratio: round(dda / qemu, 3) };
  });
  return { bench: 'vs-qemu', rounds, rows };
}

/** For people: medians, each side's range, and whether the aim is met. */
export function table({ rounds, rows }: Comparison, lines: readonly RoundsLine[]): string {
  const cells = rows.map(({ name, unit, dda, qemu, ratio }) => [
    name,
    unit,
    ...[dda, qemu].flatMap((value, side) => [
      String(value),
      rangeText(values(lines, SIDES[side] ?? 'dda', name), name),
    ]),
    `${ratio.toFixed(2)}×`,
    verdict(name, ratio),
  ]);
  const all = [['', '', 'dda', '', 'QEMU', '', 'ratio', 'aim'], ...cells];
  const widths = all[0]?.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0))) ?? [];
  const text = all.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return `Medians of ${rounds} rounds of each side, in turn on one rig; in brackets the lowest and the highest.\n\n${text.join('\n')}\n`;
}

function verdict(name: Measure, ratio: number): string {
  const { atMost, atLeast } = AIMS[name];
  if (atMost !== undefined) return `≤ ${atMost.toFixed(1)}× ${ratio <= atMost ? 'met' : 'NOT MET'}`;
  if (atLeast !== undefined) return `≥ ${atLeast.toFixed(1)}× ${ratio >= atLeast ? 'met' : 'NOT MET'}`;
  return '';
}

const rangeText = (all: readonly number[], name: Measure): string =>
  `[${[Math.min(...all), Math.max(...all)].map((value) => round(value, AIMS[name].digits)).join('–')}]`;

const values = (lines: readonly RoundsLine[], side: Side, name: Measure): number[] =>
  lines.flatMap((line) => (line.kind === 'measured' && line.side === side ? [line.result.measured[name]] : []));

export function median(all: readonly number[]): number {
  const sorted = [...all].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)];
  const lower = sorted[Math.ceil(middle) - 1];
  if (upper === undefined || lower === undefined) throw new RangeError('there is no median of nothing');
  return (upper + lower) / 2;
}

const round = (value: number, digits: number): number => Number(value.toFixed(digits));
