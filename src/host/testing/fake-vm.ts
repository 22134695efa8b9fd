import { type ControlHandler, ControlServer } from '../control/control-server.ts';
import { Trace } from '../../trace/index.ts';
import { HostError } from '../errors.ts';

/** A VM that has functions only by name, for tests of what is said to it. */
export class FakeVm {
  readonly functions = new Set<string>();
  readonly asked: string[] = [];
  /** Requests wait for this before they are answered. */
  gate: Promise<void> = Promise.resolve();
  /** What it records. */
  readonly trace = new Trace({ nowNs: () => 0n, schedule: (work) => void setImmediate(work) });
  /** Resolve it with why nothing more is recorded. */
  readonly traceEnd = Promise.withResolvers<string>();
  readonly #name: string;

  constructor(name: string) {
    this.#name = name;
  }

  readonly handler: ControlHandler = {
    traces: { open: (grown) => this.trace.open(grown), ended: this.traceEnd.promise },
    status: async () => ({
      name: this.#name,
      processId: 4711,
      state: 'running',
      startedAt: '2026-01-02T03:04:05.000Z',
      kernel: '6.1.0-43-amd64',
      memoryBytes: 2 ** 31,
      vcpus: 2,
      functions: [...this.functions],
      exits: 123,
    }),
    add: async ({ function: name }) => {
      await this.#note('add', name);
      if (this.functions.has(name)) {
        throw new HostError('already-lent', {
          asked: `lend ${name}`,
          obstacle: 'This VM has it already.',
          remedy: 'Eject it first to lend it anew.',
          details: { function: name },
        });
      }
      this.functions.add(name);
      return { function: name, tookMs: 12.3 };
    },
    eject: async ({ function: name, deadlineMs }) => {
      await this.#note(`eject within ${deadlineMs}`, name);
      this.functions.delete(name);
      return { function: name, tookMs: 45.6, outcome: 'ejected' };
    },
    rescind: async ({ function: name }) => {
      await this.#note('rescind', name);
      this.functions.delete(name);
      return { function: name, tookMs: 7.8 };
    },
    stop: async () => {
      await this.#note('stop', '');
      return {};
    },
  };

  async #note(verb: string, name: string): Promise<void> {
    this.asked.push(`${verb} ${name}`.trim());
    await this.gate;
  }
}

/** The real control socket, in front of whatever answers. */
export function listenForControl(directory: string, name: string, handler: ControlHandler): Promise<ControlServer> {
  return ControlServer.listen(directory, name, handler);
}
