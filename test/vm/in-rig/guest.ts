import assert from 'node:assert/strict';
import { SHELL } from '../../vm-process/guest-shell.ts';
import { openHost, VmSession, type VmSessionOptions, withBorrowedFunctions } from '../../../src/host/index.ts';
import { type CpioEntry, guestInitrd, type MachineEnd, readKernel } from '../../../src/vm/index.ts';

/** Where the tests' program is told of the guest's kernel: set by the test that runs in front of the rig. */
const {
  DDA_GUEST_KERNEL: kernelPath,
  DDA_GUEST_MODULES: modulesDirectory,
  DDA_UNPACKED: unpackedDirectory,
} = process.env;

export const NVME = '0000:01:00.0';
const MIB = 1024 * 1024;
export const COMMAND_LINE = 'console=ttyS0 panic=-1 mitigations=off cryptomgr.notests quiet';
/** A bound for guests that hang. On a machine with much else to do an emulated guest can take minutes for what takes seconds. */
const ANSWER_MS = 400_000;
const EXIT = 'dda-test: exit';
export interface GuestOptions extends Partial<VmSessionOptions> {
  readonly memoryMib?: number;
  readonly extraCommandLine?: string;
  /** Modules that the guest loads; default: `nvme`. */
  readonly drivers?: readonly string[];
  /** Files of its initramfs. */
  readonly files?: readonly CpioEntry[];
}

/** A guest that a test talks to. */
export class Guest {
  readonly session: VmSession;
  /** All that it has printed. */
  console = '';
  #read = 0;
  #heard: () => void = () => undefined;
  #end: MachineEnd | undefined;

  constructor(session: VmSession) {
    this.session = session;
    const decoder = new TextDecoder();
    session.machine.on('console', (bytes) => {
      this.console += decoder.decode(bytes, { stream: true }).replaceAll('\r', '');
      this.#heard();
    });
    session.ended.then(
      (end) => {
        this.#end = end;
        this.#heard();
      },
      () => this.#heard(),
    );
  }

  /** Waits for `text` after what was waited for before; gives what came up to it. */
  async expect(text: string): Promise<string> {
    const deadline = Date.now() + ANSWER_MS;
    for (;;) {
      const at = this.console.indexOf(text, this.#read);
      if (at >= 0) {
        const before = this.console.slice(this.#read, at);
        this.#read = at + text.length;
        return before;
      }
      const left = deadline - Date.now();
      if (left <= 0 || this.#end !== undefined) {
        const how = this.#end === undefined ? `${ANSWER_MS} ms have passed` : `the VM has ended: ${this.#end.kind}`;
        assert.fail(`the guest did not print '${text}'; ${how}. Its last words:\n${this.console.slice(-4000)}`);
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#heard = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  type(line: string): void {
    this.session.machine.type(new TextEncoder().encode(`${line}\n`));
  }

  /** Runs one command line in the guest. Fails unless it ends with 0; gives what it printed. */
  async run(line: string): Promise<string> {
    this.type(line);
    const output = await this.expect(EXIT);
    const status = (await this.expect('\n')).trim();
    assert.equal(status, '0', `in the guest: ${line}\n${output}`);
    return output.trim();
  }

  /** Waits, in the guest, until `condition` holds. */
  async until(condition: string): Promise<void> {
    await this.run(
      `n=0; until ${condition}; do n=$((n+1)); [ $n -gt 1200 ] && break; usleep 50000; done; ${condition}`,
    );
  }

  /** Writes random data to the controller's disk at a place that `round` chooses, and reads it back. */
  async verifyDisk(round: number): Promise<void> {
    await this.until('[ -b /dev/nvme0n1 ]');
    const seek = round * 8;
    const sums = await this.run(
      `head -c 131072 /dev/urandom >/tmp/data && dd if=/tmp/data of=/dev/nvme0n1 bs=64k seek=${seek} oflag=direct 2>/dev/null && ` +
        `dd if=/dev/nvme0n1 bs=64k skip=${seek} count=2 iflag=direct 2>/dev/null | sha256sum && sha256sum </tmp/data`,
    );
    const [read, written] = sums.split('\n').map((line) => line.split(' ')[0]);
    assert.ok(read !== undefined && read.length === 64, `two checksums, not: ${sums}`);
    assert.equal(read, written, 'what was read back is what was written');
  }

  /** Lines of warnings and errors in the guest's log, without the ones that this guest would have on any machine. */
  async complaints(): Promise<string[]> {
    const log = await this.run('dmesg -r | grep -E "^<[0-4]>" || true');
    return log.split('\n').filter((line) => line !== '' && !KNOWN.some((known) => known.test(line)));
  }
}

/**
 * What a guest says in the rig that isn't ours. The rig's processor is emulated and doesn't intercept XSETBV, so KVM in
 * it reports the size of the FPU state that only counts before the guest has set XCR0; a guest of QEMU there says the same.
 * It also shares its two cores with whatever else runs, so a timer interrupt may take long.
 * Linux 6.12 looks for an AMD processor's power states in ACPI tables that only firmware has.
 * The PCI lines come on Hyper-V's generation 2 machines too: there is no PCI bus but vPCI's.
 */
const KNOWN: readonly RegExp[] = [
  /PCI: Fatal: No config space access function found/,
  /PCI: System does not support PCI/,
  /amd_pstate: the _CPC object is not present/,
  // What a kernel says when its processor had to wait for the machine's.
  /hrtimer: interrupt took \d+ ns/,
  /sched: (?:DL replenish lagged too much|RT throttling activated)/,
  /perf: interrupt took too long/,
  /workqueue: .* hogged CPU for/,
  /clocksource: .*(?:read-back delay|skewed|wd-)/,
  /XSAVE consistency problem/,
  /fpu\/xstate\.c/,
  /fpu__init_system/,
  /CPUID\[0d, /,
  /cut here|end trace|Modules linked in|Not tainted|Tainted: |Hardware name/,
  /\] (?:RIP|RSP|RAX|RDX|RBP|R10|R13|FS|CS|CR2|Code|Call Trace|DR\d):/,
  /\] {2}(?:<\/?TASK>|\? |start_kernel|secondary_startup|arch_cpu_finalize_init|x86_64_start|check_bugs|identify_|common_startup)/,
];

/** The tests' initramfs: the guest runs what it is typed. */
export async function testInitrd(
  commandLine: string,
  { drivers = ['nvme'], files = [] }: Pick<GuestOptions, 'drivers' | 'files'>,
): Promise<Uint8Array> {
  assert.ok(modulesDirectory !== undefined);
  return guestInitrd({ modulesDirectory, commandLine, drivers, run: SHELL, files });
}

/** Boots a guest, gives it to `work`, and stops it; what was lent goes home whatever happens. */
export async function withGuest(options: GuestOptions, work: (guest: Guest) => Promise<void>): Promise<MachineEnd> {
  assert.ok(kernelPath !== undefined && unpackedDirectory !== undefined);
  const commandLine = `${COMMAND_LINE} ${options.extraCommandLine ?? ''}`.trim();
  const kernel = await readKernel(kernelPath, { unpackedDirectory });
  const initrd = await testInitrd(commandLine, options);
  return withBorrowedFunctions(openHost('dda test'), [], async (borrowed) => {
    const session = new VmSession(borrowed, {
      kernel: kernel.image,
      initrd,
      commandLine,
      memoryBytes: (options.memoryMib ?? 512) * MIB,
      vcpus: 1,
      ...options,
    });
    const guest = new Guest(session);
    session.on('session', (event) => console.error(JSON.stringify(event)));
    session.machine.on('log', (entry) => console.error(JSON.stringify(entry)));
    try {
      await guest.expect('dda-test: ready');
      await work(guest);
      return await session.machine.stop();
    } catch (error) {
      console.error(`--- the guest's console\n${guest.console.slice(-6000)}`);
      await session.machine.stop();
      throw error;
    }
  });
}
