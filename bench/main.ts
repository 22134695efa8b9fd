/** `npm run bench -- vs-qemu`: the same work with dda and with QEMU's vfio-pci, in one rig; `-- scale`: large hosts, in memory. */
import { parseArgs } from 'node:util';
import { RigError } from '../rig/index.ts';
import { scale } from './scale/scale.ts';
import { type VersusQemuOptions, versusQemu } from './vs-qemu.ts';

const USAGE = `Usage: npm run bench -- vs-qemu|phases|scale [--rounds N] [--json]

  vs-qemu      the same work with dda and with QEMU's vfio-pci on one rig, in turn: medians and ratios
  phases       what the start of either and its hot-add take their time for
  scale        a host of 10,000 functions in memory, with no rig: how long its survey takes; lending among 500 VMs
  --rounds N   of each side, not for scale (default 5)
  --json       end with one line of JSON instead of a table
  --sources    run dda from its sources instead of what 'npm run build' makes
`;
const EXIT_USAGE = 2;

const BENCHES = ['vs-qemu', 'phases', 'scale'] as const;

interface Options extends VersusQemuOptions {
  readonly bench: (typeof BENCHES)[number];
}

function options(): Options | undefined {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      rounds: { type: 'string', default: '5' },
      json: { type: 'boolean', default: false },
      sources: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const rounds = Number(values.rounds);
  const bench = BENCHES.find((name) => name === positionals.join(' '));
  if (values.help || bench === undefined || !Number.isInteger(rounds) || rounds < 1) return undefined;
  return { bench, rounds, json: values.json, sources: values.sources, phases: bench === 'phases' };
}

const chosen = options();
if (chosen === undefined) {
  process.stderr.write(USAGE);
  process.exitCode = EXIT_USAGE;
} else {
  try {
    if (chosen.bench === 'scale') await scale({ json: chosen.json });
    else await versusQemu(chosen);
  } catch (error) {
    process.stderr.write(`bench: ${error instanceof RigError ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
