import { setTimeout as sleep } from 'node:timers/promises';
import { readPciIds } from '../../pci/index.ts';
import type { Host } from '../moves/host-facts.ts';
import { processStartTicks } from '../moves/process-mark.ts';
import { DirectoryTree } from '../tree/directory-tree.ts';
import type { AttributeProcess } from './attribute-process.ts';
import { kernelActions } from './kernel-actions.ts';
import { RecordDirectory, recordDirectory } from './record-directory.ts';

/** The machine that this runs on. `command` names the caller in records and locks: `dda vm run`. `ready`: for who acts often. */
export function openHost(command: string, recordPath = recordDirectory, ready?: AttributeProcess): Host {
  const tree = new DirectoryTree('/');
  return {
    tree,
    ids: readPciIds(),
    actions: kernelActions(ready),
    records: new RecordDirectory(recordPath),
    self: { processId: process.pid, startTicks: processStartTicks(tree, process.pid) ?? 0, command },
    now: () => new Date(),
    sleep: (ms) => sleep(ms),
  };
}
