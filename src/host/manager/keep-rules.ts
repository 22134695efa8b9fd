import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { FunctionState } from '../ownership/owner.ts';

/** Before 80-drivers.rules, which loads the host's drivers. */
export const defaultKeepRulesPath = '/etc/udev/rules.d/50-dda.rules';

/** Where the rules go that keep dismounted functions from the host's drivers when the host starts. */
export interface KeepRulesPort {
  /** Replaces them all. May throw: then only a driver that is quicker than the manager gets hold of a function for a while. */
  write(rules: string): void;
}

/**
 * udev rules that reserve every function of the pool for VFIO's driver as soon as it is announced: when the host starts, and before a
 * module with its driver is loaded. A driver that is in the kernel or the initramfs already is quicker, and made to release it.
 * Source: Linux Documentation/ABI/testing/sysfs-bus-pci (driver_override); udev(7).
 */
export function keepRules(functions: Iterable<FunctionState>): string {
  const lines = [
    '# Written by dda: these functions are dismounted, and stay so. Give them back with: dda mount FUNCTION',
  ];
  const kept = [...functions].filter(isKept).toSorted((a, b) => (a.name < b.name ? -1 : 1));
  for (const { name, ids } of kept) {
    const [vendor, device] = ids.split(':');
    lines.push(
      `ACTION=="add", SUBSYSTEM=="pci", KERNEL=="${name}", ATTR{vendor}=="0x${vendor}", ATTR{device}=="0x${device}", ATTR{driver_override}="vfio-pci"`,
    );
  }
  return `${lines.join('\n')}\n`;
}

/** Whether it is the pool's, wherever it is just now. */
export function isKept({ owner }: FunctionState): boolean {
  switch (owner.kind) {
    case 'host':
    case 'reshaping':
    case 'mounting':
      return false;
    case 'dismounting':
      return owner.from === 'pool';
    case 'pool':
    case 'lending':
    case 'lent':
    case 'returning':
    case 'verifying':
    case 'quarantine':
      return true;
  }
}

/** The rules in a file, replaced as a whole; udev notices by itself. */
export function keepRulesFile(path = defaultKeepRulesPath): KeepRulesPort {
  return {
    write(rules) {
      if (readIfPresent(path) === rules) return;
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(`${path}.new`, rules, { mode: 0o644 });
      renameSync(`${path}.new`, path);
    },
  };
}

function readIfPresent(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
