/** `npm run bench -- vs-qemu`: the same work with dda and with QEMU's vfio-pci, in one rig. */
import { parseArgs } from 'node:util';
import { RigError } from '../rig/index.ts';
import { type VersusQemuOptions, versusQemu } from './vs-qemu.ts';

const USAGE = `Usage: npm run bench -- vs-qemu|phases [--rounds N] [--json]

  vs-qemu      the same work with dda and with QEMU's vfio-pci on one rig, in turn: medians and ratios
  phases       what the start of either and its hot-add take their time for
  --rounds N   of each side (default 5)
  --json       end with one line of JSON instead of a table
  --sources    run dda from its sources instead of what 'npm run build' makes
`;
const EXIT_USAGE = 2;

function options(): VersusQemuOptions | undefined {
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
  if (values.help || !['vs-qemu', 'phases'].includes(positionals.join(' ')) || !Number.isInteger(rounds) || rounds < 1)
    return undefined;
  return { rounds, json: values.json, sources: values.sources, phases: positionals[0] === 'phases' };
}

const chosen = options();
if (chosen === undefined) {
  process.stderr.write(USAGE);
  process.exitCode = EXIT_USAGE;
} else {
  try {
    await versusQemu(chosen);
  } catch (error) {
    process.stderr.write(`bench: ${error instanceof RigError ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
