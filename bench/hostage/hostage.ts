import { join } from 'node:path';
import { type Rig, type RigCommand, REPOSITORY, bootRig } from '../../rig/index.ts';
import { bundleProduct } from '../../scripts/bundle.ts';
import { hostageGuestFiles } from './guest-files.ts';
import type { Case } from './guests.ts';
import type { FromRig, HostagePlan, Side, ToRig } from './plan.ts';
import { report, table } from './table.ts';

/** The rig's controllers, each alone behind a root port. */
const LENT = { id: 'nvme0', bdf: '0000:01:00.0' } as const;
const OTHER_BDF = '0000:02:00.0';
/** Of a kernel that holds on to a device that was unplugged: whoever holds it is killed long before. */
const UNPLUG_TIMEOUT_MS = 300_000;

export interface HostageOptions {
  readonly json: boolean;
  readonly trace: boolean;
  readonly deadlineMs: number;
  readonly cases: readonly Case[];
  readonly sides: readonly Side[];
}

/** Runs every guest on every side, on one rig, and prints what became of the device. Progress goes to standard error. */
export async function hostage(options: HostageOptions): Promise<void> {
  say('building dda');
  const programs = join(REPOSITORY, 'dist/cli');
  await bundleProduct(programs);
  const plan: HostagePlan = {
    sides: options.sides,
    cases: options.cases,
    deadlineMs: options.deadlineMs,
    lent: LENT.bdf,
    other: OTHER_BDF,
    program: join(programs, 'main.js'),
    guest: await hostageGuestFiles(),
    trace: options.trace,
  };
  say('booting a rig');
  await using rig = await bootRig({ nvmeControllers: 2, nvmeSizeMib: 64 });
  const lines = await run(rig, plan);
  const result = report(options.cases, options.deadlineMs, lines);
  process.stdout.write(options.json ? `${JSON.stringify(result)}\n` : table(result));
}

const say = (text: string): void => void process.stderr.write(`bench: ${text}\n`);

async function run(rig: Rig, plan: HostagePlan): Promise<FromRig[]> {
  const lines: FromRig[] = [];
  const troubles: unknown[] = [];
  let rest = '';
  let complaints = '';
  const program = join(import.meta.dirname, 'in-rig/hostage.ts');
  const command: RigCommand = rig.start(
    ['node', '--disable-warning=ExperimentalWarning', program, JSON.stringify(plan)],
    {
      onOutput: (stream, bytes) => {
        const text = Buffer.from(bytes).toString();
        if (stream === 'stderr') {
          complaints += text;
          return;
        }
        const texts = (rest + text).split('\n');
        rest = texts.pop() ?? '';
        for (const each of texts) take(JSON.parse(each) as FromRig);
      },
    },
  );
  const take = (line: FromRig): void => {
    lines.push(line);
    if (line.kind === 'step') say(line.text);
    if (line.kind === 'plug' || line.kind === 'unplug') void reach(line.kind);
  };
  const reach = async (what: ToRig['done']): Promise<void> => {
    try {
      const done = await act(rig, what);
      command.write(`${JSON.stringify(done)}\n`);
    } catch (error) {
      troubles.push(error);
      command.signal('SIGKILL');
    }
  };
  const { exitCode } = await command.ended;
  if (exitCode === 0 && troubles.length === 0) return lines;
  throw new Error(
    `The program in the rig ended with ${exitCode}. ${troubles.map(String).join(' ')}\n${complaints}\n--- the rig's kernel\n${rig.console().slice(-4000)}`,
  );
}

async function act(rig: Rig, what: 'plug' | 'unplug'): Promise<ToRig> {
  const since = performance.now();
  if (what === 'plug') await rig.plug(LENT.id);
  else await rig.unplug(LENT.id, UNPLUG_TIMEOUT_MS);
  return { done: what, tookMs: performance.now() - since };
}
