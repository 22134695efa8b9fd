import type { DaemonClient, EventJson, ManagedFunctionJson } from '../../api/index.ts';
import { ApiError } from '../../api/index.ts';

/** A daemon's functions, kept up to date by its events, for somebody who waits for something there. */
export class DaemonWatch {
  readonly functions = new Map<string, ManagedFunctionJson>();
  readonly #heard: (event: EventJson) => void;
  readonly #stop = new AbortController();
  readonly #waits = new Set<() => void>();
  #over: Error | undefined;

  private constructor(heard: (event: EventJson) => void) {
    this.#heard = heard;
  }

  /** `heard` is called with every event from now on, when what it tells is known here. */
  static async open(daemon: DaemonClient, heard: (event: EventJson) => void): Promise<DaemonWatch> {
    const watch = new DaemonWatch(heard);
    const events = await daemon.events(watch.#stop.signal);
    const { functions, revision } = await daemon.ask(daemon.routes.functions.$get());
    for (const fn of functions) watch.functions.set(fn.name, fn);
    void watch.#follow(events, revision);
    return watch;
  }

  /** Resolves as soon as it holds. Rejects with ApiError `daemon-unreachable` when the daemon has gone before. */
  until(holds: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (holds()) resolve();
        else if (this.#over !== undefined) reject(this.#over);
        else return;
        this.#waits.delete(look);
      };
      this.#waits.add(look);
      look();
    });
  }

  /** Something else that somebody waits for may have changed. */
  changed(): void {
    for (const look of [...this.#waits]) look();
  }

  close(): void {
    this.#stop.abort();
  }

  async #follow(events: AsyncGenerator<EventJson>, revision: number): Promise<void> {
    let cause: unknown;
    try {
      for await (const event of events) {
        if (event.revision <= revision) continue;
        if (event.kind === 'lost') break;
        if (event.kind === 'function-changed') this.functions.set(event.function.name, event.function);
        if (event.kind === 'function-removed') this.functions.delete(event.name);
        this.#heard(event);
        this.changed();
      }
    } catch (error) {
      cause = error;
    }
    this.#over = new ApiError(
      'daemon-unreachable',
      {
        asked: 'follow what the daemon does',
        obstacle: 'its events broke off.',
        remedy: 'See how things stand with: dda list',
      },
      { cause },
    );
    this.changed();
  }
}
