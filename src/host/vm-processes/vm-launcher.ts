import { Worker } from 'node:worker_threads';
import { ProcessHandle } from '../../linux/index.ts';
import { filterFor } from '../../vm/process/index.ts';
import type { VmProcessEnd } from '../manager/ports.ts';
import type { LaunchAnswer, LaunchedEnd, LaunchOrder, LaunchRequest, LaunchThreadData } from './launch-orders.ts';

/** The file is `.ts` in the working tree and `.cjs` in the package. */
const PROGRAM = new URL(
  import.meta.url.endsWith('.ts') ? './launch-thread.ts' : './launch-thread.cjs',
  import.meta.url,
);
/** The thread tells how a process ended; should it be gone, so long after the process only that it did is known. */
const HOW_IT_ENDED_MS = 1_000;

export interface LaunchedProcess {
  readonly processId: number;
  /** The caller closes it. */
  readonly handle: ProcessHandle;
  readonly ended: Promise<VmProcessEnd>;
}

type Answer<Key extends string> = Extract<LaunchAnswer, Readonly<Record<Key, unknown>>>;
type Question = LaunchRequest extends infer Each
  ? Each extends { readonly id: number }
    ? Omit<Each, 'id'>
    : never
  : never;

interface Pending {
  readonly resolve: (answer: LaunchAnswer) => void;
  readonly reject: (error: Error) => void;
}

/** Starts VM processes, in namespaces of their own, by a thread that is there for that. It is started with the first of them. */
export class VmLauncher {
  #thread: Worker | undefined;
  readonly #pending = new Map<number, Pending>();
  readonly #ends = new Map<number, (end: VmProcessEnd) => void>();
  #lastId = 0;

  /** Rejects with an Error that says why there is no process: unshare(2) was refused, the program isn't there … */
  async launch(order: LaunchOrder): Promise<LaunchedProcess> {
    const { processId, pidFd } = await this.#ask<Answer<'pidFd'>>({ order });
    const handle = ProcessHandle.fromFd(processId, pidFd);
    const ended = new Promise<VmProcessEnd>((resolve) => {
      this.#ends.set(processId, resolve);
      const watch = handle.onEnd(() => {
        setTimeout(() => resolve({ exitCode: undefined, signal: undefined }), HOW_IT_ENDED_MS).unref();
      });
      // A manager may end and leave it running.
      watch.keepAlive(false);
    });
    return { processId, handle, ended };
  }

  /** See {@link HomeNamespaces.emptyRootOf}; for a process that was launched here and has not ended. */
  async emptyRootOf(processId: number, over: string): Promise<void> {
    await this.#ask({ emptyRootOf: processId, over });
  }

  /** Lets go of the thread; processes run on. */
  close(): void {
    this.#thread?.postMessage('end');
    this.#thread = undefined;
  }

  async #ask<T extends LaunchAnswer>(question: Question): Promise<T> {
    const worker = (this.#thread ??= this.#start());
    const id = ++this.#lastId;
    worker.ref();
    try {
      const answer = await new Promise<LaunchAnswer>((resolve, reject) => {
        this.#pending.set(id, { resolve, reject });
        const request: LaunchRequest = { id, ...question };
        // An empty list of what is transferred: a worker has no origin to name.
        worker.postMessage(request, []);
      });
      if ('refused' in answer) throw new Error(answer.refused);
      return answer as T;
    } finally {
      this.#pending.delete(id);
      // Nothing else of the manager's waits for it.
      if (this.#pending.size === 0) worker.unref();
    }
  }

  #start(): Worker {
    const data: LaunchThreadData = { filter: filterFor('exec', process.pid) };
    const thread = new Worker(PROGRAM, { workerData: data, name: 'vm-launcher', trackUnmanagedFds: false });
    thread.on('message', (message: LaunchAnswer | LaunchedEnd) => {
      if ('id' in message) this.#pending.get(message.id)?.resolve(message);
      else this.#ended(message);
    });
    const gone = (error: Error): void => {
      if (this.#thread === thread) this.#thread = undefined;
      for (const { reject } of this.#pending.values()) reject(error);
    };
    thread.on('error', gone);
    thread.on('exit', () => gone(new Error('the thread that starts VM processes has ended.')));
    return thread;
  }

  #ended({ ended, exitCode, signal }: LaunchedEnd): void {
    this.#ends.get(ended)?.({ exitCode, signal });
    this.#ends.delete(ended);
  }
}
