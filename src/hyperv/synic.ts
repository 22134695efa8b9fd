import type { GuestMemory } from './guest-memory.ts';
import { PageRegister } from './page-register.ts';
import {
  EVENT_FLAG_COUNT,
  FIRST_VALID_VECTOR,
  MAX_MESSAGE_PAYLOAD_BYTES,
  MESSAGE_PENDING,
  MESSAGE_TYPE_NONE,
  MessageWord,
  SCONTROL_ENABLE,
  SINT_COUNT,
  SINT_RESET_VALUE,
  SintBits,
  SLOT_WORDS,
} from './synic-layout.ts';

/** One SINT's queue holds no more. A post beyond that is refused. */
export const MAX_QUEUED_MESSAGES = 1024;

interface QueuedMessage {
  readonly type: number;
  readonly payload: Uint8Array;
}

interface Sint {
  value: bigint;
  readonly messages: QueuedMessage[];
  /** Event flags that were signalled while the guest couldn't take them. */
  readonly heldFlags: Set<number>;
}

/**
 * One virtual processor's synthetic interrupt controller: its registers, and what waits for the guest.
 *
 * A SINT takes nothing while SCONTROL is off, the SINT is masked, or the page in question is disabled: messages stay
 * queued and flags held, and go out when a register write makes it possible.
 */
export class Synic {
  readonly #assertInterrupt: (vector: number) => void;
  readonly #simp: PageRegister;
  readonly #siefp: PageRegister;
  readonly #sints: readonly Sint[] = Array.from({ length: SINT_COUNT }, () => ({
    value: SINT_RESET_VALUE,
    messages: [],
    heldFlags: new Set<number>(),
  }));
  #scontrol = 0n;

  constructor(memory: GuestMemory, assertInterrupt: (vector: number) => void) {
    this.#assertInterrupt = assertInterrupt;
    this.#simp = new PageRegister(memory);
    this.#siefp = new PageRegister(memory);
  }

  get scontrol(): bigint {
    return this.#scontrol;
  }

  get simp(): bigint {
    return this.#simp.value;
  }

  get siefp(): bigint {
    return this.#siefp.value;
  }

  /** The register SINTx; undefined when there is none of that number. */
  sint(index: number): bigint | undefined {
    return this.#sints[index]?.value;
  }

  /** Messages that haven't reached a slot. */
  get pendingMessages(): number {
    return this.#sints.reduce((sum, { messages }) => sum + messages.length, 0);
  }

  writeScontrol(value: bigint): void {
    this.#scontrol = value;
    this.#deliverAll();
  }

  /** False: the page isn't RAM; nothing has changed. */
  writeSimp(value: bigint): boolean {
    return this.#writePage(this.#simp, value);
  }

  /** False: the page isn't RAM; nothing has changed. */
  writeSiefp(value: bigint): boolean {
    return this.#writePage(this.#siefp, value);
  }

  /** False: no such SINT, or it would be unmasked with a vector that belongs to the CPU; nothing has changed. */
  writeSint(index: number, value: bigint): boolean {
    const sint = this.#sints[index];
    const masked = (value & SintBits.MASKED) !== 0n;
    if (sint === undefined || (!masked && vectorOf(value) < FIRST_VALID_VECTOR)) {
      return false;
    }
    sint.value = value;
    this.#deliver(index, sint);
    return true;
  }

  /** EOM: the guest has emptied a slot whose pending flag was set. Any slot: it doesn't say which. */
  endOfMessage(): void {
    this.#deliverAll();
  }

  /** Refused: the queue is full. */
  postMessage(index: number, type: number, payload: Uint8Array): 'queued' | 'refused' {
    if (payload.byteLength > MAX_MESSAGE_PAYLOAD_BYTES || type === MESSAGE_TYPE_NONE) {
      throw new RangeError(`no SynIC message has type ${type} and ${payload.byteLength} bytes of payload`);
    }
    const sint = this.#sints[index];
    if (sint === undefined || sint.messages.length >= MAX_QUEUED_MESSAGES) {
      return 'refused';
    }
    sint.messages.push({ type, payload: payload.slice() });
    this.#deliver(index, sint);
    return 'queued';
  }

  /** Held: it will be set once the guest can take it. */
  signalEvent(index: number, flag: number): 'signalled' | 'held' | 'refused' {
    const sint = this.#sints[index];
    if (sint === undefined || !Number.isInteger(flag) || flag < 0 || flag >= EVENT_FLAG_COUNT) {
      return 'refused';
    }
    sint.heldFlags.add(flag);
    this.#deliverFlags(index, sint);
    return sint.heldFlags.has(flag) ? 'held' : 'signalled';
  }

  /** Forgets what waits, not what already lies in the guest's pages. */
  discardPending(): void {
    for (const sint of this.#sints) {
      sint.messages.length = 0;
      sint.heldFlags.clear();
    }
  }

  reset(): void {
    this.discardPending();
    this.#scontrol = 0n;
    this.#simp.reset();
    this.#siefp.reset();
    for (const sint of this.#sints) {
      sint.value = SINT_RESET_VALUE;
    }
  }

  #writePage(register: PageRegister, value: bigint): boolean {
    const outcome = register.write(value);
    if (outcome === 'moved') {
      // The hypervisor's own page would begin empty; what the guest's RAM holds by chance must not look like a message.
      register.page?.bytes.fill(0);
    }
    this.#deliverAll();
    return outcome !== 'refused';
  }

  #deliverAll(): void {
    for (const [index, sint] of this.#sints.entries()) {
      this.#deliver(index, sint);
    }
  }

  #deliver(index: number, sint: Sint): void {
    this.#deliverFlags(index, sint);
    this.#deliverMessage(index, sint);
  }

  #takes(sint: Sint): boolean {
    return (this.#scontrol & SCONTROL_ENABLE) !== 0n && (sint.value & SintBits.MASKED) === 0n;
  }

  #deliverFlags(index: number, sint: Sint): void {
    const words = this.#siefp.page?.words;
    if (words === undefined || sint.heldFlags.size === 0 || !this.#takes(sint)) {
      return;
    }
    for (const flag of sint.heldFlags) {
      Atomics.or(words, index * SLOT_WORDS + (flag >>> 5), 1 << (flag & 31));
    }
    sint.heldFlags.clear();
    this.#interrupt(sint);
  }

  /** At most one message: the slot is full then, and its pending flag brings an EOM for the next. */
  #deliverMessage(index: number, sint: Sint): void {
    const page = this.#simp.page;
    const message = sint.messages[0];
    if (page === undefined || message === undefined || !this.#takes(sint)) {
      return;
    }
    const { bytes, words } = page;
    const slot = index * SLOT_WORDS;
    const slotTaken = (): boolean => Atomics.load(words, slot + MessageWord.TYPE) !== MESSAGE_TYPE_NONE;
    if (slotTaken()) {
      Atomics.or(words, slot + MessageWord.SIZE_AND_FLAGS, MESSAGE_PENDING);
      // The guest may have emptied the slot just before the flag was set, and then it writes no EOM: look once more.
      if (slotTaken()) {
        return;
      }
    }
    sint.messages.shift();
    const more = sint.messages.length > 0 ? MESSAGE_PENDING : 0;
    bytes.set(message.payload, (slot + MessageWord.PAYLOAD) * 4);
    Atomics.store(words, slot + MessageWord.SENDER, 0);
    Atomics.store(words, slot + MessageWord.SENDER + 1, 0);
    Atomics.store(words, slot + MessageWord.SIZE_AND_FLAGS, message.payload.byteLength | more);
    // Last: the guest looks at the rest only once the type isn't zero.
    Atomics.store(words, slot + MessageWord.TYPE, message.type | 0);
    this.#interrupt(sint);
  }

  #interrupt(sint: Sint): void {
    if ((sint.value & SintBits.POLLING) === 0n) {
      this.#assertInterrupt(vectorOf(sint.value));
    }
  }
}

function vectorOf(sint: bigint): number {
  return Number(sint & SintBits.VECTOR);
}
