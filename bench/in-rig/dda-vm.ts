/**
 * The VMM of dda's rounds: starts one VM with dda's own library, lends it functions and takes them back as it is asked.
 * `node dda-vm.ts SOURCES GUEST BDF`: where the parts are (`src` or `dist`), the guest as JSON, the function.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DdaReply, DdaRequest, DdaStarted, Phase } from './dda-messages.ts';
import type { GuestFiles } from './vmm.ts';

const mainStartedAt = performance.now();
let lastMark = mainStartedAt;
const phases: Phase[] = [{ name: 'node starts', ms: mainStartedAt }];
const mark = (name: string): void => {
  const now = performance.now();
  phases.push({ name, ms: now - lastMark });
  lastMark = now;
};

const [parts = '', guestText = '', bdf = ''] = process.argv.slice(2);
const guest = JSON.parse(guestText) as GuestFiles;
const extension = parts.endsWith('dist') ? 'js' : 'ts';
const { openHost, VmSession, withBorrowedFunctions } = (await import(
  join(parts, `host/index.${extension}`)
)) as typeof import('../../src/host/index.ts');
const { readKernel } = (await import(
  join(parts, `vm/index.${extension}`)
)) as typeof import('../../src/vm/index.ts');
mark('modules');

await withBorrowedFunctions(openHost('dda bench'), [], async (borrowed) => {
  const { image } = await readKernel(guest.vmlinux);
  const initrd = await readFile(guest.initrd);
  mark('files');
  const session = new VmSession(borrowed, {
    kernel: image,
    initrd,
    commandLine: guest.commandLine,
    memoryBytes: guest.memoryMib * 2 ** 20,
    vcpus: 1,
  });
  mark('machine');
  session.machine.on('console', (bytes) => process.stdout.write(bytes));
  session.machine.on('log', ({ severity, code, text }) => console.error(`${severity} ${code}: ${text}`));
  session.on('session', (event) => console.error(JSON.stringify(event)));
  const started: DdaStarted = { started: phases };
  process.send?.(started);

  const acts: Record<DdaRequest['ask'], () => Promise<unknown>> = {
    add: () => session.add(bdf),
    eject: () => session.eject(bdf),
    'count-exits': async () => undefined,
  };
  const underWay = new Set<Promise<void>>();
  process.on('message', (request: DdaRequest) => {
    const askedAt = performance.now();
    const reply = (error?: string): void => {
      const answer: DdaReply = {
        id: request.id,
        exits: session.machine.exitCounts().exits,
        phases: [{ name: request.ask, ms: performance.now() - askedAt }],
        ...(error === undefined ? {} : { error }),
      };
      process.send?.(answer);
    };
    const act = acts[request.ask]().then(
      () => reply(),
      (error: unknown) => reply(error instanceof Error ? error.message : String(error)),
    );
    underWay.add(act);
    void act.finally(() => underWay.delete(act));
  });
  await session.ended;
  await Promise.all(underWay);
  process.disconnect();
});
