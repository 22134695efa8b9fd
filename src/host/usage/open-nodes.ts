import { TreeAccessDenied, baseName } from '../tree/host-tree.ts';
import type { HostTree } from '../tree/host-tree.ts';
import type { Steps } from '../tree/steps.ts';
import { append } from './device-paths.ts';
import type { NodeHolder } from './function-usage.ts';

export interface OpenNodes {
  /** Who has a node open, by the node's path: `/dev/vfio/12`. */
  readonly holdersOf: ReadonlyMap<string, readonly NodeHolder[]>;
  /** Processes that could not be looked into. */
  readonly hiddenProcesses: number;
}

/** Looks through the descriptors of every process for those under /dev, a process at a time. */
export function* openNodesSteps(tree: HostTree): Steps<OpenNodes> {
  const holdersOf = new Map<string, NodeHolder[]>();
  let hiddenProcesses = 0;
  for (const entry of tree.list('/proc')) {
    if (!/^[0-9]+$/.test(entry)) continue;
    yield;
    const nodes = nodesOf(tree, `/proc/${entry}`);
    if (nodes === undefined) {
      hiddenProcesses += 1;
      continue;
    }
    for (const node of nodes) {
      append(holdersOf, node, { processId: Number(entry), processName: processName(tree, `/proc/${entry}`), node });
    }
  }
  return { holdersOf, hiddenProcesses };
}

/**
 * The kernel's short name; for the many programs whose first thread has a name of its own, that of their file. Not from `cmdline`:
 * reading that waits for the process's memory, and a process that is stuck in the kernel may hold it for ever.
 */
function processName(tree: HostTree, processPath: string): string {
  const short = tree.text(`${processPath}/comm`) ?? '?';
  return short === 'MainThread' ? baseName(tree.link(`${processPath}/exe`) ?? short) : short;
}

function nodesOf(tree: HostTree, processPath: string): Set<string> | undefined {
  try {
    const nodes = new Set<string>();
    for (const fd of tree.list(`${processPath}/fd`)) {
      const target = tree.link(`${processPath}/fd/${fd}`);
      if (target !== undefined && interesting(target)) nodes.add(target);
    }
    return nodes;
  } catch (error) {
    if (error instanceof TreeAccessDenied) return undefined;
    throw error;
  }
}

function interesting(target: string): boolean {
  return target.startsWith('/dev/') && !/^\/dev\/(?:null|zero|u?random|ptmx|tty|console|pts\/|shm\/)/.test(target);
}
