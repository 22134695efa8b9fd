import { closeFile, FdListener, type PassedNode } from '../../linux/index.ts';
import { Trace } from '../../trace/index.ts';
import type { EjectOutcome } from '../assignment/assignment.ts';
import { ConsoleRing } from '../process/console-ring.ts';
import { ManagerLink } from '../process/manager-link.ts';
import type { VmRequest } from '../process/protocol.ts';
import { VmProcessError } from '../process/vm-process-error.ts';
import { type Loan, type ServedVm, VmService } from '../process/vm-service.ts';

/** The manager's end of a VM process without the process: its guest lets go of functions when it is told to. */
export class ServedVmBench implements ServedVm {
  readonly service: VmService;
  readonly ring = new ConsoleRing();
  readonly trace = new Trace({ nowNs: () => 0n, schedule: (work) => void setImmediate(work) });
  /** By function: what its `lend` came with. The descriptors are open. */
  readonly nodes = new Map<string, PassedNode>();
  readonly revoked: string[] = [];
  typed = '';
  untakenBytes = 0;
  exits = 0;
  stopped = false;
  /** The next `lend` is refused with this. */
  refusal: VmProcessError | undefined;
  readonly #link: ManagerLink;
  readonly #ejects = new Map<string, PromiseWithResolvers<EjectOutcome>>();

  constructor(path: string, name: string, managerUserId: number = process.getuid?.() ?? 0) {
    this.service = new VmService(this, (event) => this.#link.tell(event));
    this.#link = new ManagerLink(FdListener.bind(path), {
      name,
      dma: 'container',
      managerUserId,
      ring: this.ring,
      openTrace: (grown) => this.trace.open(grown),
      answer: (request, fds) => this.service.answer(request, fds),
      recall: () => this.service.recall(),
    });
  }

  get consoleBytes(): number {
    return this.ring.totalBytes;
  }

  async lend(order: Extract<VmRequest, { op: 'lend' }>, node: PassedNode): Promise<Loan> {
    const name = order.function;
    if (this.refusal !== undefined) {
      if (node.fd !== undefined) closeFile(node.fd);
      throw this.refusal;
    }
    this.nodes.set(name, node);
    return {
      warnings: [],
      eject: async () => {
        const outcome = Promise.withResolvers<EjectOutcome>();
        this.#ejects.set(name, outcome);
        const how = await outcome.promise;
        this.#close(name);
        return how;
      },
      revoke: () => {
        this.revoked.push(name);
        this.#close(name);
        this.#ejects.get(name)?.resolve('ejected');
      },
    };
  }

  type(bytes: Uint8Array): void {
    this.typed += new TextDecoder().decode(bytes);
  }

  stop(): void {
    this.stopped = true;
  }

  /** The guest lets go of a function that it was asked for. */
  letGo(name: string, outcome: EjectOutcome): void {
    this.#ejects.get(name)?.resolve(outcome);
  }

  print(bytes: Uint8Array): void {
    this.ring.push(bytes);
    this.#link.consoleGrew();
  }

  close(): void {
    this.#link.close();
    for (const name of this.nodes.keys()) this.#close(name);
  }

  #close(name: string): void {
    const fd = this.nodes.get(name)?.fd;
    this.nodes.delete(name);
    if (fd !== undefined) closeFile(fd);
  }
}
