import { EndingWatch } from './ending-watch.ts';
import type { MoveOptions } from './execute.ts';
import type { Host } from './host-facts.ts';
import { isVfioDriver } from '../inventory/host-function.ts';
import { pciDevicesPath } from '../inventory/inventory.ts';
import { canonicalName, dismount, mount } from './move.ts';

export interface BorrowOptions extends Pick<MoveOptions, 'onStep' | 'actDeadlineMs'> {
  /** Take functions even from a host that is using them. */
  readonly force?: boolean;
  /** How long after a signal the work may take to let go of the functions by itself. */
  readonly graceMs?: number;
  /** For people, one line: what happens on a signal, what was given back. */
  readonly onNotice?: (notice: string) => void;
}

/** Functions on loan for as long as the work runs. */
export interface Borrowed {
  /** Aborted when the work must end: a signal came, or something failed elsewhere in the process. */
  readonly signal: AbortSignal;
  /** Dismounts more functions, to be given back at the end. Gives their full names. */
  borrow(names: readonly string[]): Promise<readonly string[]>;
  /** Gives functions back before the end. Those that were dismounted before the loan stay dismounted. */
  giveBack(names: readonly string[]): Promise<void>;
}

const defaultGraceMs = 15_000;

/**
 * Dismounts `names`, runs `work`, and mounts again what it dismounted: when the work ends, when it throws, and on Ctrl-C,
 * SIGTERM, SIGHUP or an exception that nobody caught. Functions that were dismounted before stay so. If the whole
 * process is killed, the records it left tell `dda mount` what to restore. Throws what the work throws, HostError for a
 * function that couldn't be taken or given back, HostError `interrupted` after a signal.
 */
export async function withBorrowedFunctions<T>(
  host: Host,
  names: readonly string[],
  work: (borrowed: Borrowed) => Promise<T>,
  options: BorrowOptions = {},
): Promise<T> {
  const loan = new Loan(host, options);
  const ending = new EndingWatch(options.onNotice);
  try {
    const worked = await settled(
      endedWithin(ending, options.graceMs ?? defaultGraceMs, async () => {
        await loan.borrow(names, ending.signal);
        return work({
          signal: ending.signal,
          borrow: (more) => loan.borrow(more, ending.signal),
          giveBack: (some) => loan.giveBack(some),
        });
      }),
    );
    const returned = await settled(loan.giveBackAll());
    const failures = [
      ending.reason ?? (worked.ok ? undefined : worked.error),
      returned.ok ? undefined : returned.error,
    ];
    throwAll(failures.filter((failure) => failure !== undefined));
    if (worked.ok) return worked.value;
    throw worked.error;
  } finally {
    ending.stop();
  }
}

type Settled<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: unknown };

function settled<T>(promise: Promise<T>): Promise<Settled<T>> {
  return promise.then(
    (value) => ({ ok: true, value }),
    (error: unknown) => ({ ok: false, error }),
  );
}

/** Why the work failed must not hide why giving back failed, nor the other way round. */
function throwAll(failures: readonly unknown[]): void {
  if (failures.length === 1) throw failures[0];
  if (failures.length > 1) throw new AggregateError(failures, failures.map(messageOf).join('\n'));
}

/** What was taken and is still to be given back. */
class Loan {
  readonly #host: Host;
  readonly #options: BorrowOptions;
  readonly #taken = new Set<string>();
  /** Moves of one loan go one after the other: each must see what the one before did. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(host: Host, options: BorrowOptions) {
    this.#host = host;
    this.#options = options;
  }

  borrow(names: readonly string[], signal: AbortSignal): Promise<readonly string[]> {
    return this.#next(async () => {
      const known = names.map(canonicalName);
      if (known.every((name) => this.#isKept(name))) return known;
      const { onStep, actDeadlineMs, force } = this.#options;
      const report = await dismount(this.#host, known, {
        borrow: true,
        signal,
        ...(force === undefined ? {} : { force }),
        ...(onStep === undefined ? {} : { onStep }),
        ...(actDeadlineMs === undefined ? {} : { actDeadlineMs }),
      });
      for (const name of report.moved) this.#taken.add(name);
      return known;
    });
  }

  giveBack(names: readonly string[]): Promise<void> {
    return this.#next(() => this.#mount(names.map(canonicalName).filter((name) => this.#taken.has(name))));
  }

  giveBackAll(): Promise<void> {
    return this.#next(async () => {
      const failures: unknown[] = [];
      // One by one: a function that can't go home must not keep the others.
      for (const name of this.#taken) {
        try {
          await this.#mount([name]);
        } catch (error) {
          failures.push(error);
        }
      }
      throwAll(failures);
    });
  }

  async #mount(names: readonly string[]): Promise<void> {
    if (names.length === 0) return;
    const { onStep, actDeadlineMs, onNotice } = this.#options;
    const here = names.filter((name) => !this.#forgetIfGone(name));
    if (here.length === 0) return;
    try {
      await mount(this.#host, here, {
        ...(onStep === undefined ? {} : { onStep }),
        ...(actDeadlineMs === undefined ? {} : { actDeadlineMs }),
      });
    } catch (error) {
      // A function that is unplugged leaves while it is being mounted, as soon as the last holder has let go of it.
      const still = here.filter((name) => !this.#forgetIfGone(name));
      if (still.length === here.length) throw error;
      await this.#mount(still);
      return;
    }
    for (const name of here) this.#taken.delete(name);
    onNotice?.(`Gave ${here.join(', ')} back to the host.`);
  }

  /**
   * Dismounted before, by somebody who keeps it so: there is nothing to take, and no need to look at the whole host, which
   * takes most of the time of lending it. Whether others of its group stand in the way, VFIO says when it is opened.
   */
  #isKept(name: string): boolean {
    const { tree, records } = this.#host;
    const record = records.list().get(name);
    const driver = tree.link(`${pciDevicesPath}/${name}/driver`)?.split('/').at(-1);
    return (
      record !== undefined && record.borrower === undefined && isVfioDriver(driver) && !records.listStuck().has(name)
    );
  }

  /** A function that was unplugged from the host has nowhere to go back to. */
  #forgetIfGone(name: string): boolean {
    if (this.#host.tree.exists(`${pciDevicesPath}/${name}`)) return false;
    this.#host.records.remove(name);
    this.#taken.delete(name);
    this.#options.onNotice?.(`${name} is not in the host any more: there is nothing to give back.`);
    return true;
  }

  #next<T>(act: () => Promise<T>): Promise<T> {
    const result = this.#last.then(act);
    this.#last = result.catch(() => undefined);
    return result;
  }
}

/** Runs the work; once ended from outside it has `graceMs` more, then giving back starts without it. */
function endedWithin<T>(ending: EndingWatch, graceMs: number, work: () => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined;
    ending.signal.addEventListener('abort', () => {
      timer = setTimeout(() => reject(ending.reason), graceMs);
    });
    work()
      .finally(() => clearTimeout(timer))
      .then(resolve, reject);
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
