import type { GuestMemory } from '../hyperv/index.ts';
import { decodeRanges, type GpadlRange, maxPagesIn } from './gpadl.ts';
import type { GpadlBody, GpadlHeader } from './messages/decode-guest-message.ts';
import { Refusal, RefusalCode } from './refusal.ts';

/** What one connection may hold. A vPCI channel needs one GPADL of 10 pages. */
export const GPADL_LIMITS = { gpadls: 1024, pages: 16_384 } as const;

/** A GPADL whose range buffer has arrived as far as `receivedBytes`; `ranges` are known once it is whole. */
interface Gpadl {
  readonly relid: number;
  readonly handle: number;
  readonly rangeCount: number;
  readonly reservedPages: number;
  buffer: Uint8Array;
  receivedBytes: number;
  ranges: readonly GpadlRange[] | undefined;
}

/** Whose creation ended, and how: `refusal` undefined = the GPADL can be used. */
export interface GpadlOutcome {
  readonly relid: number;
  readonly handle: number;
  readonly refusal: Refusal | undefined;
}

/** The GPADLs of one connection. Handles are unique in it (Linux 6.1 drivers/hv/channel.c counts them upwards). */
export class GpadlTable {
  readonly #memory: GuestMemory;
  readonly #gpadls = new Map<number, Gpadl>();
  #pages = 0;

  constructor(memory: GuestMemory) {
    this.#memory = memory;
  }

  get count(): number {
    return this.#gpadls.size;
  }

  /** Pages listed, or announced by a header. */
  get pages(): number {
    return this.#pages;
  }

  /** Takes GPADL_HEADER. The outcome, or undefined while bodies are still to come. */
  begin(header: GpadlHeader): GpadlOutcome | undefined {
    const { relid, gpadl: handle, rangeBufferBytes, rangeCount } = header;
    const reservedPages = maxPagesIn(rangeBufferBytes);
    const refusal = this.#refuse(header, reservedPages);
    if (refusal !== undefined) return { relid, handle, refusal };
    const buffer = new Uint8Array(rangeBufferBytes);
    const gpadl: Gpadl = { relid, handle, rangeCount, reservedPages, buffer, receivedBytes: 0, ranges: undefined };
    this.#gpadls.set(handle, gpadl);
    this.#pages += reservedPages;
    return this.#take(gpadl, header.part);
  }

  /** Takes GPADL_BODY. The outcome, undefined while more is to come, or a refusal for a body that belongs to nothing. */
  append(body: GpadlBody): GpadlOutcome | Refusal | undefined {
    const gpadl = this.#gpadls.get(body.gpadl);
    if (gpadl === undefined || gpadl.ranges !== undefined) {
      return new Refusal(RefusalCode.unknownGpadl, `GPADL_BODY for handle ${body.gpadl}, which waits for none`);
    }
    if (body.part.byteLength === 0) {
      return new Refusal(RefusalCode.tooShort, `GPADL_BODY for handle ${body.gpadl} without a page number`);
    }
    return this.#take(gpadl, body.part);
  }

  /** The ranges of a whole GPADL of this channel. */
  ranges(relid: number, handle: number): readonly GpadlRange[] | undefined {
    const gpadl = this.#gpadls.get(handle);
    return gpadl?.relid === relid ? gpadl.ranges : undefined;
  }

  /** Forgets a GPADL of this channel, whole or not; false if there is none. */
  remove(relid: number, handle: number): boolean {
    const gpadl = this.#gpadls.get(handle);
    if (gpadl?.relid !== relid) return false;
    this.#forget(gpadl);
    return true;
  }

  /** Forgets the channel's GPADLs that wait for bodies, and returns their handles. */
  abandonUnfinished(relid: number): number[] {
    const unfinished = [...this.#gpadls.values()].filter(
      (gpadl) => gpadl.relid === relid && gpadl.ranges === undefined,
    );
    for (const gpadl of unfinished) this.#forget(gpadl);
    return unfinished.map((gpadl) => gpadl.handle);
  }

  removeAllOf(relid: number): void {
    for (const gpadl of [...this.#gpadls.values()]) {
      if (gpadl.relid === relid) this.#forget(gpadl);
    }
  }

  clear(): void {
    this.#gpadls.clear();
    this.#pages = 0;
  }

  #refuse({ gpadl, rangeBufferBytes }: GpadlHeader, pages: number): Refusal | undefined {
    if (this.#gpadls.has(gpadl)) return new Refusal(RefusalCode.gpadlInUse, `GPADL handle ${gpadl} is in use`);
    if (rangeBufferBytes === 0 || rangeBufferBytes % 8 !== 0) {
      return new Refusal(
        RefusalCode.gpadlInvalid,
        `a range buffer of ${rangeBufferBytes} bytes; it must be a multiple of 8`,
      );
    }
    if (this.count >= GPADL_LIMITS.gpadls || this.#pages + pages > GPADL_LIMITS.pages) {
      const text = `a GPADL of ${pages} pages beside ${this.count} GPADLs of ${this.#pages} pages; the limits are ${GPADL_LIMITS.gpadls} and ${GPADL_LIMITS.pages}`;
      return new Refusal(RefusalCode.gpadlLimit, text);
    }
    return undefined;
  }

  #take(gpadl: Gpadl, part: Uint8Array): GpadlOutcome | undefined {
    const { relid, handle, rangeCount, buffer } = gpadl;
    const wanted = part.subarray(0, buffer.byteLength - gpadl.receivedBytes);
    buffer.set(wanted, gpadl.receivedBytes);
    gpadl.receivedBytes += wanted.byteLength;
    if (gpadl.receivedBytes < buffer.byteLength) return undefined;
    const ranges = decodeRanges(buffer, rangeCount, this.#memory);
    if (ranges instanceof Refusal) {
      this.#forget(gpadl);
      return { relid, handle, refusal: ranges };
    }
    gpadl.ranges = ranges;
    gpadl.buffer = new Uint8Array(0);
    return { relid, handle, refusal: undefined };
  }

  #forget(gpadl: Gpadl): void {
    this.#gpadls.delete(gpadl.handle);
    this.#pages -= gpadl.reservedPages;
  }
}
