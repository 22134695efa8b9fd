import type { BarResources } from './bar-resources.ts';
import type { BusFunction } from './bus-function.ts';
import { allOnes, CONFIG_WINDOW_BYTES, ConfigWindow, type ConfigWindowPlan } from './config-window.ts';
import {
  type InterruptChange,
  type InterruptRequest,
  type InterruptToken,
  InterruptTokens,
} from './interrupt-tokens.ts';
import type { VpciPort } from './port.ts';
import type { Slot } from './slot.ts';
import { refuse, type Refusal } from './wire/decode-guest.ts';
import { NtStatus } from './wire/status.ts';

const { BAD_DATA, INSUFFICIENT_RESOURCES, INVALID_DEVICE_STATE } = NtStatus;

/** Guest-physical addresses have at most 52 bits on x86, so a good one is a safe integer. */
const GPA_LIMIT = 1n << 52n;

/**
 * What a guest's requests act on: the functions, the config window and the interrupt tokens. It holds the rules about
 * them; that a request came at all, and what is answered, is the provider's part.
 */
export class Bus {
  readonly tokens: InterruptTokens;
  readonly #functions: ReadonlyMap<Slot, BusFunction>;
  readonly #port: VpciPort;
  readonly #window: ConfigWindow;
  #windowGpa: number | undefined;

  constructor(functions: ReadonlyMap<Slot, BusFunction>, domain: number, port: VpciPort) {
    this.#functions = functions;
    this.#port = port;
    this.tokens = new InterruptTokens(domain);
    this.#window = new ConfigWindow((slot) => this.at(slot)?.function);
  }

  get functions(): readonly BusFunction[] {
    return [...this.#functions.values()];
  }

  /** Where the config window is; undefined outside D0. */
  get windowGpa(): number | undefined {
    return this.#windowGpa;
  }

  /** The function in `slot`, if the guest may still use it. */
  at(slot: Slot): BusFunction | undefined {
    const found = this.#functions.get(slot);
    return found?.state === 'gone' ? undefined : found;
  }

  /** Every function the guest may still use. */
  here(): BusFunction[] {
    return this.functions.filter((busFunction) => busFunction.state !== 'gone');
  }

  windowPlan(): ConfigWindowPlan {
    if (this.here().length === 0) return { kind: 'ones' };
    const only = this.#functions.size === 1 ? this.at(0) : undefined;
    return only === undefined
      ? { kind: 'trap' }
      : { kind: 'image', slot: only.slot, imageAddress: only.function.configImageAddress };
  }

  windowRead(offset: number, sizeBytes: number): number {
    return this.#windowGpa === undefined ? allOnes(sizeBytes) : this.#window.read(offset, sizeBytes);
  }

  windowWrite(offset: number, sizeBytes: number, value: number): void {
    if (this.#windowGpa !== undefined) this.#window.write(offset, sizeBytes, value);
  }

  /** A bus that is in D0 already starts over: a crash kernel enters without its forerunner having left. */
  enterD0(windowGpa: bigint): Refusal | undefined {
    if (this.#windowGpa !== undefined) this.leaveD0();
    if (windowGpa % 4096n !== 0n || windowGpa + BigInt(CONFIG_WINDOW_BYTES) > GPA_LIMIT) {
      return refuse(BAD_DATA, `no config window can be at 0x${windowGpa.toString(16)}`);
    }
    const gpa = Number(windowGpa);
    const mapped = this.#port.mapConfigWindow(gpa, this.windowPlan());
    if (mapped !== true) return refuse(mapped, `the machine refuses a config window at 0x${windowGpa.toString(16)}`);
    this.#windowGpa = gpa;
    this.#window.reset();
    return undefined;
  }

  /** Tokens, BARs and window are gone; functions are as before D0. Harmless outside D0. */
  leaveD0(): void {
    const mapped = this.#windowGpa !== undefined;
    this.#windowGpa = undefined;
    this.#tell(this.tokens.deleteAll());
    for (const busFunction of this.here()) busFunction.function.quiesce();
    if (mapped) this.#port.unmapConfigWindow();
  }

  /** One function's tokens and BARs are gone. */
  release(busFunction: BusFunction): void {
    this.#tell(this.tokens.deleteAll(busFunction.slot));
    busFunction.function.quiesce();
  }

  /** The function is gone for the guest: its configuration space reads all ones from now on. */
  takeAway(busFunction: BusFunction): void {
    if (busFunction.state === 'gone') return;
    busFunction.state = 'gone';
    if (this.#windowGpa !== undefined) this.#port.configWindowChanged(this.windowPlan());
    this.release(busFunction);
  }

  /** All or nothing: the BARs placed and a token for each descriptor that asks for vectors. */
  assign(
    busFunction: BusFunction,
    resources: BarResources,
    interrupts: readonly (InterruptRequest | undefined)[],
  ): readonly (InterruptToken | undefined)[] | Refusal {
    if (this.#windowGpa === undefined) return refuse(INVALID_DEVICE_STATE, 'resources assigned outside D0');
    const misplaced = busFunction.misplaced(resources);
    if (misplaced !== undefined) return refuse(BAD_DATA, misplaced);
    const tokens: (InterruptToken | undefined)[] = [];
    const changes: InterruptChange[] = [];
    for (const request of interrupts) {
      const created = request && this.tokens.create(busFunction.slot, request);
      if (request !== undefined && created === undefined) {
        for (const token of tokens)
          if (token !== undefined) this.tokens.delete(busFunction.slot, token.address, token.data);
        return refuse(INSUFFICIENT_RESOURCES, 'no more interrupts to be had');
      }
      tokens.push(created?.token);
      changes.push(...(created?.changes ?? []));
    }
    busFunction.placeBars(resources);
    this.#tell(changes);
    return tokens;
  }

  createInterrupt(busFunction: BusFunction, request: InterruptRequest): InterruptToken | Refusal {
    if (this.#windowGpa === undefined) return refuse(INVALID_DEVICE_STATE, 'an interrupt asked for outside D0');
    const created = this.tokens.create(busFunction.slot, request);
    if (created === undefined) return refuse(INSUFFICIENT_RESOURCES, 'no more interrupts to be had');
    this.#tell(created.changes);
    return created.token;
  }

  deleteInterrupt(busFunction: BusFunction, address: bigint, data: number): Refusal | undefined {
    const changes = this.tokens.delete(busFunction.slot, address, data);
    if (changes === undefined) return refuse(BAD_DATA, `no interrupt with data ${data} to delete`);
    this.#tell(changes);
    return undefined;
  }

  #tell(changes: readonly InterruptChange[]): void {
    for (const { message, target } of changes) this.#port.interruptTargetChanged(message, target);
  }
}
