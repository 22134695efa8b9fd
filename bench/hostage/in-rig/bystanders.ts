import { spawn } from 'node:child_process';
import { setPriority } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { median } from '../../report.ts';

/** One waits for the other only so long, so that one that is blocked doesn't hide whether the other is. */
const TURN_MS = 300;
/**
 * They are not to be what keeps the processor busy: with what the kernel and dda do because of it, taking a device out and putting it back costs
 * some 250 ms of the rig's only processor, ahead of everybody else.
 */
const PAUSE_MS = 700;
const UNDISTURBED_ROUNDS = 15;
const UNDISTURBED_PAUSE_MS = 150;
/** What is measured is who blocks them, not who else wants the rig's only processor. */
export const HIGHEST_PRIORITY = -20;

/** One kind of unrelated work, in a process that may be blocked in the kernel. */
class Bystander {
  readonly #child;
  /** Milliseconds that rounds took since {@link forget}. */
  #tookMs: number[] = [];
  #idle: Promise<void> = Promise.resolve();
  #finished: () => void = () => undefined;
  #isBusy = false;
  #undisturbedMs = 0;

  constructor(args: readonly string[]) {
    const program = join(import.meta.dirname, 'probe.ts');
    this.#child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', program, ...args], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    if (this.#child.pid !== undefined) setPriority(this.#child.pid, HIGHEST_PRIORITY);
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      this.#tookMs.push(Number(line));
      this.#isBusy = false;
      this.#finished();
    });
  }

  /** Settles when its round is over. */
  get idle(): Promise<void> {
    return this.#idle;
  }

  /** One more round, unless there is one under way. */
  begin(): void {
    if (this.#isBusy) return;
    this.#isBusy = true;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#idle = promise;
    this.#finished = resolve;
    this.#child.stdin.write('\n');
  }

  /** What its rounds took until now is what they take undisturbed. */
  calibrate(): number {
    this.#undisturbedMs = median(this.#tookMs);
    return this.#undisturbedMs;
  }

  forget(): void {
    this.#tookMs = [];
  }

  /** The longest delay since {@link forget}; null: a round is still under way. */
  longestDelayMs(): number | null {
    if (this.#isBusy) return null;
    return Math.max(0, Math.round(Math.max(0, ...this.#tookMs) - this.#undisturbedMs));
  }

  end(): void {
    this.#child.stdin.end();
  }
}

export interface Delays {
  readonly rescanMs: number | null;
  readonly otherMs: number | null;
}

/** Work on the host that has nothing to do with the device that is lent, done over and over. */
export class Bystanders {
  readonly #rescan = new Bystander(['rescan']);
  readonly #other: Bystander;
  #isWatching = false;
  #loop: Promise<void> = Promise.resolve();

  constructor(otherBdf: string) {
    this.#other = new Bystander(['other', otherBdf]);
  }

  /** Learns what they take when nobody disturbs them. */
  async calibrate(): Promise<Delays> {
    // The first ones also wait for Node to start.
    await this.#rounds(2);
    this.#forget();
    await this.#rounds(UNDISTURBED_ROUNDS);
    return { rescanMs: Math.round(this.#rescan.calibrate()), otherMs: Math.round(this.#other.calibrate()) };
  }

  /** They begin in `inMs`, and go on until {@link stop}. */
  start(inMs: number): void {
    this.#forget();
    this.#isWatching = true;
    this.#loop = delay(inMs).then(() => this.#untilStopped());
  }

  /** They begin nothing more; what is under way has until `byMs` of `performance.now()`. */
  async stop(byMs: number): Promise<Delays> {
    this.#isWatching = false;
    await this.#loop;
    await Promise.race([this.idle(), delay(Math.max(0, byMs - performance.now()))]);
    return { rescanMs: this.#rescan.longestDelayMs(), otherMs: this.#other.longestDelayMs() };
  }

  async idle(): Promise<void> {
    await Promise.all([this.#rescan.idle, this.#other.idle]);
  }

  end(): void {
    this.#rescan.end();
    this.#other.end();
  }

  #forget(): void {
    this.#rescan.forget();
    this.#other.forget();
  }

  async #rounds(count: number): Promise<void> {
    for (let round = 0; round < count; round += 1) {
      for (const each of [this.#rescan, this.#other]) {
        each.begin();
        await each.idle;
        await delay(UNDISTURBED_PAUSE_MS);
      }
    }
  }

  async #untilStopped(): Promise<void> {
    while (this.#isWatching) {
      for (const each of [this.#other, this.#rescan]) {
        each.begin();
        await Promise.race([each.idle, delay(TURN_MS)]);
      }
      await delay(PAUSE_MS);
    }
  }
}
