import type { FunctionIdentity } from '../../../functions/index.ts';
import { DriverFailure, type FunctionDriver, type FunctionServices } from '../function-driver.ts';
import type { Steps } from '../guest-threads.ts';
import { NvmeController } from './nvme-controller.ts';
import { NVME_CLASS } from './registers.ts';

/** A driver for NVM Express controllers of one I/O queue or more. It remembers the controllers that run. */
export class NvmeDriver implements FunctionDriver {
  readonly name = 'nvme';
  readonly vectorsWanted: number;
  readonly #queues: number;
  readonly #running = new Set<NvmeController>();

  /** `queues`: I/O queues wanted, each with a vector of its own beside the admin queue's. */
  constructor(queues = 2) {
    this.#queues = queues;
    this.vectorsWanted = queues + 1;
  }

  get controllers(): readonly NvmeController[] {
    return [...this.#running];
  }

  matches({ baseClass, subClass, programmingInterface }: FunctionIdentity): boolean {
    return (
      baseClass === NVME_CLASS.baseClass &&
      subClass === NVME_CLASS.subClass &&
      programmingInterface === NVME_CLASS.programmingInterface
    );
  }

  *start(services: FunctionServices): Steps<NvmeController> {
    const registers = services.bar(0);
    if (registers === undefined) throw new DriverFailure('BAR 0 has no place');
    const vectors = yield* services.allocateVectors(this.vectorsWanted);
    const controller = new NvmeController(services, registers, vectors, this.#queues, () =>
      this.#running.delete(controller),
    );
    yield* controller.start();
    this.#running.add(controller);
    return controller;
  }
}
