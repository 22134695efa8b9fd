import { parsePciIds } from '../../pci/index.ts';
import type { Host } from '../moves/host-facts.ts';
import { FakeKernel } from './fake-kernel.ts';
import type { HostDescription } from './description.ts';
import { buildTree } from './build-tree.ts';
import { MemoryRecords } from './memory-records.ts';
import type { MemoryTree } from '../tree/memory-tree.ts';

export interface FakeHost extends Host {
  readonly tree: MemoryTree;
  readonly actions: FakeKernel;
  readonly records: MemoryRecords;
}

const ids = parsePciIds('1b36  Red Hat, Inc.\n\t0010  QEMU NVM Express Controller\n8086  Intel Corporation\n');

/** A host made from a description, whose kernel binds and unbinds drivers as Linux does, in memory. */
export function fakeHost(description: HostDescription): FakeHost {
  const tree = buildTree(description);
  return {
    tree,
    ids,
    actions: new FakeKernel(tree, description),
    records: new MemoryRecords(),
    self: { processId: 4242, startTicks: 777, command: 'dda test' },
    now: () => new Date('2026-01-02T03:04:05Z'),
    sleep: () => Promise.resolve(),
  };
}
