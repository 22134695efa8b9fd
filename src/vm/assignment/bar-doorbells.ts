import type { BarDoorbell } from '../../functions/index.ts';
import { type KvmVm, SystemCallError } from '../../linux/index.ts';

/** The part of a KVM VM that doorbells need. */
export type DoorbellVm = Pick<KvmVm, 'connectDoorbell' | 'disconnectDoorbell'>;

/** The doorbells of one BAR in the guest: the kernel signals them by itself, and a write to one costs no exit to this process. */
export class BarDoorbells {
  readonly #vm: DoorbellVm;
  readonly #gpa: number;
  readonly #refused: (reason: string) => void;
  #connected: readonly BarDoorbell[] = [];

  /** `gpa`: where the BAR is. `refused`: told of a doorbell that KVM has no room for, whose writes exit as others do. */
  constructor(vm: DoorbellVm, gpa: number, refused: (reason: string) => void) {
    this.#vm = vm;
    this.#gpa = gpa;
    this.#refused = refused;
  }

  /** These and no others from now on. */
  connect(doorbells: readonly BarDoorbell[]): void {
    const before = this.#connected;
    for (const old of before) {
      if (!doorbells.some((each) => isSame(each, old))) this.#vm.disconnectDoorbell(...this.#place(old));
    }
    this.#connected = doorbells.filter((each) => before.some((old) => isSame(each, old)) || this.#add(each));
  }

  #add(doorbell: BarDoorbell): boolean {
    try {
      this.#vm.connectDoorbell(...this.#place(doorbell));
      return true;
    } catch (error) {
      if (!(error instanceof SystemCallError)) throw error;
      this.#refused(error.message);
      return false;
    }
  }

  #place({ eventFd, offsetBytes, sizeBytes }: BarDoorbell): [number, number, number] {
    return [eventFd, this.#gpa + offsetBytes, sizeBytes];
  }
}

function isSame(a: BarDoorbell, b: BarDoorbell): boolean {
  return a.eventFd === b.eventFd && a.offsetBytes === b.offsetBytes && a.sizeBytes === b.sizeBytes;
}
