import { claimBlockDevice, claimNode } from '../../linux/index.ts';
import type { ActOutcome, KernelActions, ReadOutcome } from '../moves/ports.ts';
import type { AttributeProcess } from './attribute-process.ts';
import { runBounded } from './bounded-child.ts';
import { changeLinks, nvmeAdmin } from './device-commands.ts';

/** Acts on this machine's own kernel. `ready`: does what it can where there is one, so that no process need be started for it. */
export function kernelActions(ready?: AttributeProcess): KernelActions {
  return {
    // The write may never return, not even when its process is killed: so it isn't ours that does it. dd makes one write of
    // one block, starts in a millisecond and names errno in its message.
    write: (path, value, deadlineMs) =>
      act(
        ready?.ask({ path, value }, deadlineMs) ??
          runBounded('dd', [`of=${path}`, 'bs=4096', 'count=1', 'conv=notrunc', 'status=none'], value, deadlineMs),
      ),
    read: (path, deadlineMs) => ready?.ask({ path }, deadlineMs) ?? runBounded('cat', [path], '', deadlineMs),
    // -b: what the administrator put on a blacklist stays out, as with udev.
    loadModule: (name, deadlineMs) => act(runBounded('modprobe', ['-b', '--', name], '', deadlineMs)),
    nvmeAdmin,
    changeLinks,
    claimGroupNode: (node) => claimNode(node),
    isBlockDeviceClaimed(node) {
      const claim = claimBlockDevice(node);
      if (claim.state === 'free') claim.release();
      return claim.state === 'absent' ? undefined : claim.state === 'held';
    },
  };
}

async function act(read: Promise<ReadOutcome>): Promise<ActOutcome> {
  const outcome = await read;
  return outcome.outcome === 'done' ? { outcome: 'done' } : outcome;
}
