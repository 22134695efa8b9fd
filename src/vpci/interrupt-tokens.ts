import type { MsiMessage } from '../functions/index.ts';
import type { Slot } from './slot.ts';

/** Where one interrupt goes in the guest. */
export interface InterruptTarget {
  /** The guest's IDT vector, 16…255. */
  readonly vector: number;
  /** VP indexes the guest named, as it named them: none, one, or several of which any may be chosen; they need not exist. */
  readonly vps: readonly number[];
}

/** What a guest asks for in one CREATE_INTERRUPT or one descriptor of RESOURCES_ASSIGNED. */
export interface InterruptRequest {
  readonly vector: number;
  readonly vectorCount: number;
  readonly deliveryMode: 'fixed' | 'lowest-priority';
  readonly vps: readonly number[];
}

/** The (address, data) pairs address, data … data + count − 1: what the guest programs into the function. */
export interface InterruptToken {
  readonly address: bigint;
  readonly data: number;
  readonly count: number;
}

export interface InterruptChange {
  readonly message: MsiMessage;
  /** undefined: the message is no longer valid. */
  readonly target: InterruptTarget | undefined;
}

/** How many messages one function may have at a time: 500 resources less the six BARs (OpenVMM vpci_protocol). */
export const MAX_MESSAGES_PER_FUNCTION = 494;

/** How many vectors one request may ask for: what multi-message MSI can carry. */
export const MAX_VECTORS_PER_REQUEST = 32;

/** A message's data has 16 bits in an MSI capability; MSI-X would take 32. */
const DATA_LIMIT = 0x1_0000;

/** Where x86 functions write their messages. Nothing decodes ours as such: a token is opaque to guest and function. */
const MESSAGE_ADDRESS = 0xfee0_0000n;

interface Block {
  readonly slot: Slot;
  readonly data: number;
  readonly span: number;
  readonly targets: InterruptTarget[];
}

function sameTarget(a: InterruptTarget, b: InterruptTarget): boolean {
  return a.vector === b.vector && a.vps.length === b.vps.length && a.vps.every((vp, i) => vp === b.vps[i]);
}

function spanFor(count: number): number {
  let span = 1;
  while (span < count) span *= 2;
  return span;
}

/**
 * The interrupt tokens of one bus. The address tells buses of a VM apart (it holds the domain), the data tells the
 * messages of a bus apart. Neither says anything of vector or VP: those change by retargeting alone. Each operation
 * returns what changed, for the machine that delivers interrupts.
 */
export class InterruptTokens {
  readonly #address: bigint;
  /** By first data value. Blocks are aligned to their span, a power of two of at most 32, and never overlap. */
  readonly #blocks = new Map<number, Block>();
  /** Moves on past each block, so that a value just freed is the last to be handed out again. */
  #cursor = 1;

  constructor(domain: number) {
    this.#address = MESSAGE_ADDRESS | BigInt(domain << 4);
  }

  /** Messages alive, of one slot or of all. */
  count(slot?: Slot): number {
    let count = 0;
    for (const block of this.#blocks.values())
      if (slot === undefined || block.slot === slot) count += block.targets.length;
    return count;
  }

  /**
   * A block of `request.vectorCount` (1…32) messages, its data aligned so that a function which fills in the low bits
   * of an MSI message stays inside it. Message i goes to vector + i until it is retargeted. Undefined: no more to be had.
   */
  create(slot: Slot, request: InterruptRequest): { token: InterruptToken; changes: InterruptChange[] } | undefined {
    const count = request.vectorCount;
    if (this.count(slot) + count > MAX_MESSAGES_PER_FUNCTION) return undefined;
    const span = spanFor(count);
    const data = this.#findFree(span);
    if (data === undefined) return undefined;
    const targets = Array.from({ length: count }, (_, i) => ({ vector: request.vector + i, vps: request.vps }));
    this.#blocks.set(data, { slot, data, span, targets });
    this.#cursor = data + span;
    const changes = targets.map((target, i) => ({ message: this.#message(data + i), target }));
    return { token: { address: this.#address, data, count }, changes };
  }

  /** Frees the block of `slot` that begins at `data`; undefined when there is none. */
  delete(slot: Slot, address: bigint, data: number): InterruptChange[] | undefined {
    const block = this.#blocks.get(data);
    if (block === undefined || address !== this.#address || block.slot !== slot) return undefined;
    return this.#drop(block);
  }

  /** Frees every block, of one slot or of all. */
  deleteAll(slot?: Slot): InterruptChange[] {
    const blocks = [...this.#blocks.values()].filter((block) => slot === undefined || block.slot === slot);
    return blocks.flatMap((block) => this.#drop(block));
  }

  /** Where `message` goes now. */
  target(message: MsiMessage): InterruptTarget | undefined {
    if (message.address !== this.#address) return undefined;
    const block = this.#blockAt(message.data);
    return block?.targets[message.data - block.data];
  }

  /** The slot that a message belongs to; `addressLow` is all that retargeting names of the address. */
  slotOf(addressLow: number, data: number): Slot | undefined {
    if (BigInt(addressLow) !== this.#address) return undefined;
    const block = this.#blockAt(data);
    return block !== undefined && data - block.data < block.targets.length ? block.slot : undefined;
  }

  /** Gives a live message a new target; undefined when nothing changed (also when there is no such message). */
  retarget(data: number, target: InterruptTarget): InterruptChange | undefined {
    const block = this.#blockAt(data);
    const old = block?.targets[data - block.data];
    if (block === undefined || old === undefined || sameTarget(old, target)) return undefined;
    block.targets[data - block.data] = target;
    return { message: this.#message(data), target };
  }

  /** First data values and sizes of all blocks, ascending. */
  blocks(): readonly { readonly slot: Slot; readonly data: number; readonly count: number }[] {
    return [...this.#blocks.values()]
      .map((block) => ({ slot: block.slot, data: block.data, count: block.targets.length }))
      .sort((a, b) => a.data - b.data);
  }

  #message(data: number): MsiMessage {
    return { address: this.#address, data };
  }

  #drop(block: Block): InterruptChange[] {
    this.#blocks.delete(block.data);
    return block.targets.map((_, i) => ({ message: this.#message(block.data + i), target: undefined }));
  }

  #blockAt(data: number): Block | undefined {
    for (let span = 1; span <= MAX_VECTORS_PER_REQUEST; span *= 2) {
      const block = this.#blocks.get(data - (data % span));
      if (block !== undefined && data < block.data + block.span) return block;
    }
    return undefined;
  }

  /** The next aligned run of `span` free values after the last one handed out, round the corner once; 0 stays unused. */
  #findFree(span: number): number | undefined {
    let data = Math.ceil(this.#cursor / span) * span;
    for (let tried = 0; tried < DATA_LIMIT / span; tried++, data += span) {
      if (data >= DATA_LIMIT) data = span;
      if (this.#isFree(data, span)) return data;
    }
    return undefined;
  }

  #isFree(data: number, span: number): boolean {
    for (let i = 0; i < span; i++) if (this.#blockAt(data + i) !== undefined) return false;
    return true;
  }
}
