import { PolicedFunction } from '../../../functions/index.ts';
import { plainPages } from '../../../functions/testing/index.ts';
import type { Slot } from '../../slot.ts';
import { MemoryNvme, type MemoryNvmeOptions } from './memory-nvme.ts';
import type { ModelFunction } from './model-machine.ts';

export interface LentNvme extends ModelFunction {
  /** The controller itself, once the machine has been made. */
  readonly nvme: MemoryNvme;
}

/** A model NVMe controller under the policy of physical functions, for a {@link ModelMachine}. */
export function lentNvme(
  slot: Slot = 0,
  options: Pick<MemoryNvmeOptions, 'msixVectors' | 'msiVectors' | 'blocks'> = {},
): LentNvme {
  let made: MemoryNvme | undefined;
  return {
    slot,
    make: (machine) => {
      made = new MemoryNvme({ ...options, memory: machine.memory, signal: (fd) => machine.signal(fd) });
      return new PolicedFunction(made, plainPages);
    },
    get nvme() {
      if (made === undefined) throw new Error('the machine has not been made');
      return made;
    },
  };
}
