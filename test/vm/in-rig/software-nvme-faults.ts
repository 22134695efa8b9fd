import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryStorage, sharedPages, SoftwareNvme } from '../../../src/functions/index.ts';
import { withGuest } from './guest.ts';

const MIB = 1024 * 1024;
const READ = 0x02;
const UNRECOVERED_READ_ERROR = 0x281;
/** Of the guest's driver, for one command (nvme_core.max_retries). */
const TRIES = 6;
const SLOW_MS = 1_500;
/** How long the guest's driver waits for a command, in seconds; 30 without. */
const TIMEOUT_S = 5;

const readBlock = (block: number): string =>
  `dd if=/dev/nvme0n1 of=/dev/null bs=4k count=1 skip=${block} iflag=direct 2>/dev/null`;

test('what goes wrong with a controller, and what a guest makes of it', async (t) => {
  const extraCommandLine = `nvme_core.io_timeout=${TIMEOUT_S} nvme_core.admin_timeout=${TIMEOUT_S}`;
  await withGuest({ vcpus: 1, extraCommandLine }, async (guest) => {
    const storage = new MemoryStorage(16 * MIB);
    const fn = new SoftwareNvme(
      {
        name: 'disk0',
        serialNumber: 'FAULTY',
        qualifiedName: 'nqn.2014-08.org.nvmexpress:uuid:00000000-0000-8000-8000-000000000000',
        namespaces: [{ storage, uuid: new Uint8Array(16).fill(1) }],
        queuePairs: 1,
      },
      sharedPages,
    );
    const assignment = guest.session.machine.lend(fn, 1);
    await guest.until('[ -b /dev/nvme0n1 ]');
    await guest.verifyDisk(1);
    const works = (): Promise<void> => guest.verifyDisk(2);
    await t.test('an error is tried again; one at each try reaches who reads', async () => {
      const fault = { kind: 'error', status: UNRECOVERED_READ_ERROR } as const;
      fn.faults.order({ queue: 'io', opcode: READ, fault });
      await guest.run(readBlock(3));
      fn.faults.order({ queue: 'io', opcode: READ, fault, times: TRIES });
      // The guest's kernel says so on the console, too.
      assert.match(await guest.run(`${readBlock(4)} || echo read failed`), /read failed$/);
      assert.match(await guest.run('dmesg'), /I\/O Error \(sct 0x2 \/ sc 0x81\)/);
      await works();
    });
    await t.test('slow is late, and well', async () => {
      fn.faults.order({ queue: 'io', opcode: READ, fault: { kind: 'slow', ms: SLOW_MS } });
      const started = performance.now();
      await guest.run(readBlock(5));
      assert.ok(performance.now() - started >= SLOW_MS, `${performance.now() - started} ms`);
    });
    await t.test('stuck: the driver aborts it, and reads once more', async () => {
      fn.faults.order({ queue: 'io', opcode: READ, fault: { kind: 'stuck' } });
      await guest.run(readBlock(7));
      assert.match(await guest.run('dmesg'), /nvme nvme0: I\/O \d+ .*timeout, aborting/);
      await works();
    });
    await t.test(
      'a completion of a command that it never sent: the driver says so, and starts the controller anew',
      async () => {
        fn.faults.order({ queue: 'io', opcode: READ, fault: { kind: 'bad-completion', wrong: 'command-id' } });
        await guest.run(readBlock(9));
        assert.match(
          await guest.run('dmesg'),
          /nvme nvme0: (?:invalid id|request 0x[0-9a-f]+ genctr mismatch|.*unknown)/,
        );
        await works();
      },
    );
    await t.test('gone: the driver lets go of it', async () => {
      fn.faults.vanish();
      assert.match(await guest.run(`${readBlock(11)} || echo read failed`), /read failed$/);
      await guest.until('[ ! -b /dev/nvme0n1 ]');
    });
    guest.session.machine.rescind(assignment);
    await guest.until('[ ! -e /dev/nvme0 ]');
  });
});
