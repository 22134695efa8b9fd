/** The rounds, as a program in the rig: `node rounds.ts CONFIG`, JSON in, JSON lines out. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { type RoundsConfig, type RoundsLine, SIDES, type Side } from '../rounds.ts';
import { startDda } from './dda-vmm.ts';
import { PhaseTrace } from './phase-trace.ts';
import { ddaInMemory, qemuInMemory } from './programs-in-memory.ts';
import { startQemu } from './qemu-vmm.ts';
import { runRound } from './round.ts';
import type { GuestFiles } from './vmm.ts';

const config = JSON.parse(process.argv[2] ?? '') as RoundsConfig;
const say = (line: RoundsLine): void => void process.stdout.write(`${JSON.stringify(line)}\n`);

const memory = mkdtempSync(join(tmpdir(), 'bench-'));
const guest = inMemory(config.guest);
const program = ddaInMemory(config.program, memory);
const qemu = qemuInMemory(memory);
// As an administrator would, once: what either VMM is asked for is a function that is free already.
dda('dismount');
for (let round = 1; round <= config.rounds; round += 1) {
  for (const side of SIDES) await oneRound(side, round);
}
dda('mount');

function dda(verb: 'dismount' | 'mount'): void {
  execFileSync(process.execPath, [program, verb, config.bdf], { stdio: ['ignore', 'ignore', 'inherit'] });
}

async function oneRound(side: Side, round: number): Promise<void> {
  using trace = config.phases ? new PhaseTrace({ program, kernel: guest.vmlinux }) : undefined;
  say({ kind: 'step', side, round, step: 'start', ms: 0 });
  const vmm = side === 'dda' ? startDda(guest, config.bdf, program) : await startQemu(guest, config.bdf, { qemu });
  try {
    const result = await runRound(vmm, guest, (step, ms) => say({ kind: 'step', side, round, step, ms }), trace);
    say({ kind: 'measured', side, round, result });
  } catch (error) {
    const complaints = vmm.complaints().slice(-3000);
    throw new Error(
      `Round ${round} of ${side} failed: ${String(error)}\n--- ${side} said\n${complaints}\n--- guest's console\n${vmm.console.tail}`,
      { cause: error },
    );
  } finally {
    vmm.kill();
  }
}

/** Copies in the rig's memory: both sides read them as fast as a host reads what it has in its page cache. */
function inMemory(files: GuestFiles): GuestFiles {
  const copy = (path: string): string => {
    const target = join(memory, basename(path));
    copyFileSync(path, target);
    return target;
  };
  return { ...files, vmlinux: copy(files.vmlinux), initrd: copy(files.initrd) };
}
