import { setTimeout as sleep } from 'node:timers/promises';
import type { ReadOutcome } from '../moves/ports.ts';
import type { HostTree } from '../tree/host-tree.ts';
import { type GroupLimits, limitFiles, PERIOD_US } from './group-limits.ts';
import { type GroupObstacle, lacking, noMessageBus } from './group-obstacle.ts';
import { groupMount, groupsOf } from './group-place.ts';

/** All VMs' scopes are in it, so that limits of it hold for all of them together. */
export const SLICE = 'dda.slice';
const LOOK_MS = 10;
const US_A_SECOND = 1_000_000;

/** What scopes are made with. */
export interface ScopeContext {
  readonly tree: HostTree;
  /** Runs a program; see `runBounded`. */
  readonly run: (program: string, args: readonly string[], input: string, deadlineMs: number) => Promise<ReadOutcome>;
}

/** Unique: no two processes have one id. VMs' names have no character that a unit's may not (systemd.unit(5)). */
export function scopeName(vm: string, processId: number): string {
  return `dda-${vm}-${processId}.scope`;
}

/**
 * The words after `busctl` that have systemd make a scope of a process: StartTransientUnit of org.freedesktop.systemd1(5), with properties of
 * systemd.scope(5) and systemd.resource-control(5) as they are called on the bus.
 */
export function scopeCall(vm: string, processId: number, limits: GroupLimits): readonly string[] {
  const properties = [
    ['Slice', 's', SLICE],
    ['Description', 's', `VM ${vm} of dda`],
    // One that ended by the kernel's hand, for want of memory, is not kept either.
    ['CollectMode', 's', 'inactive-or-failed'],
    ['PIDs', 'au', '1', String(processId)],
    ['CPUQuotaPerSecUSec', 't', String(limits.processors * US_A_SECOND)],
    ['CPUQuotaPeriodUSec', 't', String(PERIOD_US)],
    ['MemoryMax', 't', String(limits.memoryBytes)],
    ['TasksMax', 't', String(limits.tasks)],
  ];
  const manager = ['org.freedesktop.systemd1', '/org/freedesktop/systemd1', 'org.freedesktop.systemd1.Manager'];
  const unit = [scopeName(vm, processId), 'fail', String(properties.length), ...properties.flat(), '0'];
  return ['--system', 'call', ...manager, 'StartTransientUnit', 'ssa(sv)a(sa(sv))', ...unit];
}

/**
 * Has systemd put a process into a scope of its own, and waits until it is there. Resolves with what keeps that, or some of its limits, from being
 * done.
 */
export async function placeInScope(
  { tree, run }: ScopeContext,
  vm: string,
  processId: number,
  limits: GroupLimits,
  deadlineMs: number,
): Promise<GroupObstacle | undefined> {
  const endMs = performance.now() + deadlineMs;
  const called = await run('busctl', scopeCall(vm, processId, limits), '', deadlineMs);
  const groups = (): string | undefined => tree.text(`/proc/${processId}/cgroup`);
  // It has ended already; why is told by whoever waits for it.
  if (groups() === undefined) return undefined;
  if (called.outcome !== 'done') return refusedCall(called, deadlineMs);
  const scope = `/${scopeName(vm, processId)}`;
  for (let text = groups(); text !== undefined; text = groups()) {
    const all = groupsOf(text);
    const found = all.find(({ path }) => path.endsWith(scope));
    // With version 1 limits are elsewhere, and called otherwise.
    if (found !== undefined)
      return all.every(({ isVersion2 }) => isVersion2) ? missingLimits(tree, found.path, limits) : undefined;
    if (performance.now() > endMs) return tooSlow(deadlineMs);
    await sleep(LOOK_MS);
  }
  return undefined;
}

/** systemd itself says nothing where it has not the controllers, as in a container. */
function missingLimits(tree: HostTree, path: string, limits: GroupLimits): GroupObstacle | undefined {
  const mount = groupMount(tree.text('/proc/self/mountinfo') ?? '');
  if (mount === undefined) return undefined;
  const missing = limitFiles(limits).filter(({ name }) => {
    const text = tree.text(`${mount.path}${path}/${name}`);
    return text === undefined || text.startsWith('max');
  });
  if (missing.length === 0) return undefined;
  return lacking(
    missing.map(({ controller }) => controller),
    SLICE,
  );
}

function refusedCall(refused: Exclude<ReadOutcome, { outcome: 'done' }>, deadlineMs: number): GroupObstacle {
  if (refused.outcome === 'stuck' || refused.code === 'ETIMEDOUT') return tooSlow(deadlineMs);
  // By busctl itself: its connection to the bus.
  if (refused.code === 'ENOENT' || refused.text === 'Connection refused') return noMessageBus;
  if (refused.text.endsWith('busctl ENOENT')) {
    return { obstacle: "systemd is asked for them by busctl, which isn't there.", remedy: 'Install all of systemd.' };
  }
  return {
    obstacle: `systemd refused: ${refused.text.replace(/\.$/, '')}.`,
    remedy: 'Look at what it says itself: journalctl -b _PID=1',
  };
}

function tooSlow(deadlineMs: number): GroupObstacle {
  return {
    obstacle: `systemd has not done so within ${deadlineMs / 1000} s.`,
    remedy: 'See what it is at: systemctl list-jobs',
  };
}
