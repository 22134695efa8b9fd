import { join } from 'node:path';
import type { DdaReply, DdaRequest, DdaStarted, Phase } from './dda-messages.ts';
import type { GuestFiles, Vmm } from './vmm.ts';
import { startVmm } from './vmm-process.ts';

const REPLY_TIMEOUT_MS = 120_000;

export interface DdaVmm extends Vmm {
  /** What its start took the time for, until the vCPUs ran. */
  readonly startPhases: Promise<readonly Phase[]>;
}

/** A guest of dda; `parts` is the folder of its parts, as sources or as built. */
export function startDda(guest: GuestFiles, bdf: string, parts: string): DdaVmm {
  const program = join(import.meta.dirname, 'dda-vm.ts');
  const { child, console, startedAt, complaints } = startVmm(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', ...(process.env['DDA_PROF'] ? ['--cpu-prof','--cpu-prof-dir=/run/rig/compiled/prof'] : []), program, parts, JSON.stringify(guest), bdf],
    ['ipc'],
  );
  const started = Promise.withResolvers<readonly Phase[]>();
  const waiting = new Map<number, (reply: DdaReply) => void>();
  child.on('message', (message: DdaReply | DdaStarted) => {
    if ('started' in message) started.resolve(message.started);
    else waiting.get(message.id)?.(message);
  });
  let lastId = 0;
  const ask = async (what: DdaRequest['ask']): Promise<DdaReply> => {
    lastId += 1;
    const id = lastId;
    const { promise, resolve, reject } = Promise.withResolvers<DdaReply>();
    waiting.set(id, resolve);
    const timer = setTimeout(() => reject(new Error(`dda had not answered '${what}'.`)), REPLY_TIMEOUT_MS);
    try {
      child.send({ id, ask: what } satisfies DdaRequest);
      const reply = await promise;
      if (reply.error !== undefined) throw new Error(`dda could not ${what}: ${reply.error}`);
      return reply;
    } finally {
      clearTimeout(timer);
      waiting.delete(id);
    }
  };
  return {
    process: child,
    console,
    startedAt,
    complaints,
    startPhases: started.promise,
    add: async () => void (await ask('add')),
    eject: async () => void (await ask('eject')),
    ownExits: async () => (await ask('count-exits')).exits,
    kill: () => void child.kill('SIGKILL'),
  };
}
