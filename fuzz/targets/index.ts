import type { Target } from '../engine/target.ts';

/** All targets, by name. Each is loaded by itself: what it drives is then all of the product that a worker holds. */
export const TARGETS = {
  hypercalls: async () => (await import('./hypercalls.ts')).hypercalls,
  synic: async () => (await import('./synic.ts')).synic,
  vmbus: async () => (await import('./vmbus.ts')).vmbus,
  rings: async () => (await import('./rings.ts')).rings,
  vpci: async () => (await import('./vpci.ts')).vpci,
  config: async () => (await import('./config.ts')).config,
  nvme: async () => (await import('./nvme.ts')).nvme,
  words: async () => (await import('./words.ts')).words,
  manager: async () => (await import('./manager.ts')).manager,
  trace: async () => (await import('./trace.ts')).trace,
  api: async () => (await import('./api.ts')).api,
} as const satisfies Record<string, () => Promise<Target>>;

export type TargetName = keyof typeof TARGETS;
export const TARGET_NAMES = Object.keys(TARGETS) as TargetName[];

export function isTargetName(name: string): name is TargetName {
  return name in TARGETS;
}
