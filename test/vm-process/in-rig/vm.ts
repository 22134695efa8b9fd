import assert from 'node:assert/strict';
import { linkName } from '../../../src/linux/index.ts';
import type { LendOrder, VmProcess, VmProcessEvent } from '../../../src/host/index.ts';

export const NVME = '0000:01:00.0';
export const VM_NAME = 'borrower';
/** What the first manager prints when its VM has the controller. */
export const LENT = 'dda-test: lent as ';

const ANSWER_MS = 100_000;
const EXIT = 'dda-test: exit ';

export function required(name: string): string {
  return process.env[name] ?? assert.fail(`${name} is not set`);
}

export function group(): string {
  return linkName(`/sys/bus/pci/devices/${NVME}/iommu_group`) ?? assert.fail(`${NVME} is in no IOMMU group`);
}

export function orderOf(serial: number): LendOrder {
  return {
    function: NVME,
    serial,
    numaNode: undefined,
    groupNode: `/dev/vfio/${group()}`,
    deviceNode: undefined,
    groupIsOpen: false,
  };
}

/** A guest's console, and what its process says besides, over a {@link VmProcess}. */
export class Talk {
  readonly vm: VmProcess;
  readonly events: Exclude<VmProcessEvent, { kind: 'console' }>[] = [];
  console = '';
  #read = 0;
  #heard: () => void = () => undefined;

  constructor(vm: VmProcess) {
    this.vm = vm;
    const decoder = new TextDecoder();
    vm.listen((event) => {
      if (event.kind === 'console') {
        this.console += decoder.decode(event.bytes, { stream: true }).replaceAll('\r', '');
      } else {
        this.events.push(event);
      }
      this.#heard();
    });
  }

  /** Forgets what was printed so far. */
  skip(): void {
    this.#read = this.console.length;
  }

  /** Waits for `text` after what was waited for before; gives what came up to it. */
  async expect(text: string): Promise<string> {
    for (const deadline = Date.now() + ANSWER_MS; ; ) {
      const at = this.console.indexOf(text, this.#read);
      if (at >= 0) {
        const before = this.console.slice(this.#read, at);
        this.#read = at + text.length;
        return before;
      }
      const leftMs = deadline - Date.now();
      assert.ok(leftMs > 0, `the guest did not print '${text}'. Its last words:\n${this.console.slice(-3000)}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs);
        this.#heard = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** Runs one command line in the guest. Fails unless it ends with 0; gives what it printed. */
  async run(line: string): Promise<string> {
    await this.vm.type(new TextEncoder().encode(`${line}\n`));
    const output = await this.expect(EXIT);
    const status = (await this.expect('\n')).trim();
    assert.equal(status, '0', `in the guest: ${line}\n${output}`);
    return output.trim();
  }

  async until(condition: string): Promise<void> {
    await this.run(
      `n=0; until ${condition}; do n=$((n+1)); [ $n -gt 1200 ] && break; usleep 50000; done; ${condition}`,
    );
  }

  /** Writes random data to the controller's disk and reads it back. */
  async verifyDisk(round: number): Promise<void> {
    await this.until('[ -b /dev/nvme0n1 ]');
    const sums = await this.run(
      `head -c 131072 /dev/urandom >/tmp/data && dd if=/tmp/data of=/dev/nvme0n1 bs=64k seek=${round * 8} oflag=direct 2>/dev/null && ` +
        `dd if=/dev/nvme0n1 bs=64k skip=${round * 8} count=2 iflag=direct 2>/dev/null | sha256sum && sha256sum </tmp/data`,
    );
    const [read, written] = sums.split('\n').map((line) => line.split(' ')[0]);
    assert.ok(read?.length === 64, `two checksums, not: ${sums}`);
    assert.equal(read, written, 'what was read back is what was written');
  }
}
