/**
 * `npm run bench -- vs-qemu`: the same work with dda and with QEMU's vfio-pci, in one rig; `-- disks`: the same file as a disk, with dda's controller of software and QEMU's; `-- scale`: large hosts, in memory; `-- hostage`: guests that
 * don't give a device back. */
import { parseArgs } from 'node:util';
import { RigError } from '../rig/index.ts';
import { disks } from './disks.ts';
import { type Case, ALL_CASES, nameOf } from './hostage/guests.ts';
import { hostage } from './hostage/hostage.ts';
import { SIDES } from './hostage/plan.ts';
import { scale } from './scale/scale.ts';
import { type VersusQemuOptions, versusQemu } from './vs-qemu.ts';

const USAGE = `Usage: npm run bench -- vs-qemu|phases|disks|scale [--rounds N] [--json]
       npm run bench -- hostage [--deadline MS] [--guests NAME,…] [--side dda|qemu|both] [--json]

  vs-qemu      the same work with dda and with QEMU's vfio-pci on one rig, in turn: medians and ratios
  phases       what the start of either and its hot-add take their time for
  disks        a file as an NVMe disk, with dda's controller of software and with QEMU's
  scale        a host of 10,000 functions in memory, with no rig: how long its survey takes; lending among 500 VMs
  hostage      guests that hang, panic, or are stopped, and the host that wants its device back, with dda and with QEMU
  --rounds N   of each side, of vs-qemu, phases and disks (default 5)
  --deadline MS   how long a guest has to give the device back (default 5000)
  --guests NAME,…   only these: ${ALL_CASES.map(nameOf).join(', ')}
  --side SIDE  dda, qemu, or both (default)
  --trace      of hostage: what dda's daemon says meanwhile, and when
  --json       end with one line of JSON instead of a table
  --sources    run dda from its sources instead of what 'npm run build' makes
`;
const EXIT_USAGE = 2;

const BENCHES = ['vs-qemu', 'phases', 'disks', 'scale', 'hostage'] as const;

interface Options extends VersusQemuOptions {
  readonly bench: (typeof BENCHES)[number];
  readonly deadlineMs: number;
  readonly cases: readonly Case[];
  readonly side: string;
  readonly trace: boolean;
}

function options(): Options | undefined {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      rounds: { type: 'string', default: '5' },
      json: { type: 'boolean', default: false },
      sources: { type: 'boolean', default: false },
      deadline: { type: 'string', default: '5000' },
      guests: { type: 'string' },
      side: { type: 'string', default: 'both' },
      trace: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const rounds = Number(values.rounds);
  const bench = BENCHES.find((name) => name === positionals.join(' '));
  const deadlineMs = Number(values.deadline);
  const { side, guests } = values;
  const names = guests?.split(',') ?? ALL_CASES.map(nameOf);
  const cases = ALL_CASES.filter((each) => names.includes(nameOf(each)));
  const isGood =
    !values.help &&
    [rounds, deadlineMs].every((value) => Number.isInteger(value) && value >= 1) &&
    cases.length === names.length &&
    ['both', ...SIDES].includes(side);
  if (!isGood || bench === undefined) return undefined;
  const { json, sources, trace } = values;
  return { bench, rounds, json, sources, trace, phases: bench === 'phases', deadlineMs, cases, side };
}

const chosen = options();
if (chosen === undefined) {
  process.stderr.write(USAGE);
  process.exitCode = EXIT_USAGE;
} else {
  try {
    if (chosen.bench === 'disks') await disks({ rounds: chosen.rounds, json: chosen.json });
    else if (chosen.bench === 'scale') await scale({ json: chosen.json });
    else if (chosen.bench === 'hostage') {
      const sides = SIDES.filter((side) => [side, 'both'].includes(chosen.side));
      await hostage({
        json: chosen.json,
        trace: chosen.trace,
        deadlineMs: chosen.deadlineMs,
        cases: chosen.cases,
        sides,
      });
    } else await versusQemu(chosen);
  } catch (error) {
    process.stderr.write(`bench: ${error instanceof RigError ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
