import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { Marker, READ_4K_COUNT, READS, type ReadName, STREAM_MIB } from '../guest-script.ts';
import type { RoundResult } from '../rounds.ts';
import { ExitTrace, exitsBetween } from './exit-trace.ts';
import type { PhaseTrace } from './phase-trace.ts';
import { descriptorsClosed, functionDescriptors, memoryBeyondGuestMib, threadsOf } from './process-facts.ts';
import type { GuestFiles, Vmm } from './vmm.ts';

const BOOT_TIMEOUT_MS = 120_000;
const STEP_TIMEOUT_MS = 60_000;
/** Lets the guest finish what the step before left to do, so that the next one doesn't pay for it. */
const SETTLE_MS = 500;

/** One guest from start to power-off. `onStep` is told how long each step took. */
export async function runRound(
  vmm: Vmm,
  guest: GuestFiles,
  onStep: (step: string, ms: number) => void,
  trace?: PhaseTrace,
): Promise<RoundResult> {
  const { console } = vmm;
  const { pid } = vmm.process;
  if (pid === undefined) throw new Error('The VMM could not be started.');

  const up = await console.waitFor(guest.firstLine, BOOT_TIMEOUT_MS);
  const bootMs = up.at - vmm.startedAt;
  onStep('boot', bootMs);
  const ready = await console.waitFor(Marker.ready, STEP_TIMEOUT_MS);
  const guestUptimeSeconds = Number.parseFloat(ready.text);

  await vmm.ready();
  const added = await add(vmm);
  const hotAddMs = added.there - added.askedAt;
  onStep('hot-add', hotAddMs);
  const phases = {
    boot: trace?.bootPhases(vmm.startedAt, up.at) ?? [],
    'hot-add': trace?.hotAddPhases(added.askedAt, added.there) ?? [],
  };
  const ejectMs = await eject(vmm, pid);
  onStep('eject', ejectMs);
  const counted = await countedAdd(vmm, pid);
  onStep('counted hot-add', counted.ms);

  const seconds = await reads(vmm, onStep);

  const memory = memoryBeyondGuestMib(pid, guest.memoryMib);
  await eject(vmm, pid);
  await powerOff(vmm);
  return {
    measured: {
      boot: bootMs,
      'hot-add': hotAddMs,
      eject: ejectMs,
      exits: counted.exitsSeen.exits,
      read4k: (READ_4K_COUNT - 1) / (seconds.read4k - seconds['one-4k']),
      stream: STREAM_MIB / (seconds.stream - seconds['one-block']),
      memory: memory,
    },
    exitsSeen: counted.exitsSeen,
    ownExits: counted.ownExits,
    guestUptimeSeconds,
    phases,
  };
}

/** @returns when it was asked for and when the block device was there. */
async function add(vmm: Vmm): Promise<{ askedAt: number; there: number }> {
  await delay(SETTLE_MS);
  const askedAt = performance.now();
  const [, there] = await Promise.all([vmm.add(), vmm.console.waitFor(Marker.there, STEP_TIMEOUT_MS)]);
  return { askedAt, there: there.at };
}

/** The same once more with the kernel's tracing on, which takes time of its own. */
async function countedAdd(
  vmm: Vmm,
  pid: number,
): Promise<Pick<RoundResult, 'exitsSeen' | 'ownExits'> & { ms: number }> {
  using trace = new ExitTrace(`dda-bench-${process.pid}`);
  const threads = threadsOf(pid);
  await delay(SETTLE_MS);
  const ownBefore = await vmm.ownExits();
  const before = trace.count(threads);
  const { askedAt, there } = await add(vmm);
  const after = trace.count(threads);
  const ownAfter = await vmm.ownExits();
  return {
    ms: there - askedAt,
    exitsSeen: exitsBetween(before, after),
    ownExits: ownBefore === undefined || ownAfter === undefined ? undefined : ownAfter - ownBefore,
  };
}

/** @returns milliseconds from the request to nothing of the function open any more. */
async function eject(vmm: Vmm, pid: number): Promise<number> {
  await delay(SETTLE_MS);
  const fds = functionDescriptors(pid);
  const askedAt = performance.now();
  // Before the guest has let go of it no VMM does.
  const gone = vmm.console.waitFor(Marker.gone, STEP_TIMEOUT_MS);
  const closed = gone.then(() => descriptorsClosed(pid, fds, STEP_TIMEOUT_MS));
  const [closedAt] = await Promise.all([closed, vmm.eject()]);
  return closedAt - askedAt;
}

/** @returns how long each read took, with dd's start, by the host's clock. */
async function reads(
  { console }: Vmm,
  onStep: (step: string, ms: number) => void,
): Promise<Readonly<Record<ReadName, number>>> {
  const seconds = { first: 0, 'one-4k': 0, read4k: 0, 'one-block': 0, stream: 0 };
  let { at } = await console.waitFor(Marker.read, STEP_TIMEOUT_MS);
  for (const { name } of READS) {
    const next = await console.waitFor(Marker.read, STEP_TIMEOUT_MS);
    seconds[name] = (next.at - at) / 1000;
    at = next.at;
    onStep(name, seconds[name] * 1000);
  }
  return seconds;
}

async function powerOff(vmm: Vmm): Promise<void> {
  if (vmm.process.exitCode !== null) return;
  await once(vmm.process, 'exit', { signal: AbortSignal.timeout(STEP_TIMEOUT_MS) });
}
