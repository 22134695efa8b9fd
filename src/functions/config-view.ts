import {
  DeviceControlBit,
  ExpressRegister,
  MsiControlBit,
  MsiRegister,
  PowerControlBit,
  PowerRegister,
  PowerState,
  advancedFeaturesFunctionLevelReset,
  AdvancedFeaturesRegister,
  deviceCapabilitiesFunctionLevelReset,
  extendedConfigSpaceBytes,
  readU32,
  readU8,
} from '../pci/index.ts';
import { effectsBetween } from './config-effects.ts';
import type { ConfigEffect } from './config-effects.ts';
import { compileConfigLayout } from './config-layout.ts';
import type { ConfigLayout } from './config-layout.ts';
import { readConfigState } from './config-state.ts';
import type { ConfigState } from './config-state.ts';
import type { BarShape } from './function.ts';

/** Read request sizes are 0 (128 bytes) to 5 (4096); 6 and 7 are reserved. */
const largestReadRequest = 5;

/**
 * A guest's view of a function's configuration space: what it reads, and what its writes ask for. It touches no device; the
 * caller carries the effects out.
 */
export class ConfigView {
  readonly #image: Uint8Array;
  readonly #words: Uint32Array;
  readonly #bars: readonly BarShape[];
  #layout: ConfigLayout;
  #state: ConfigState;

  /**
   * `captured`: 256 or 4096 bytes read from the function. `bars`: the memory BARs the guest shall see. `image`: 4096
   * bytes, aligned to 4, that always hold what reads return; the caller may map them read-only into the guest.
   */
  constructor(captured: Uint8Array, bars: readonly BarShape[], image: Uint8Array) {
    if (image.byteLength !== extendedConfigSpaceBytes) throw new RangeError('the image must be 4096 bytes');
    this.#image = image;
    this.#words = new Uint32Array(image.buffer, image.byteOffset, extendedConfigSpaceBytes / 4);
    this.#bars = bars;
    this.#layout = compileConfigLayout(captured, bars);
    image.set(this.#layout.initial);
    this.#state = readConfigState(image, this.#layout);
  }

  get layout(): ConfigLayout {
    return this.#layout;
  }

  get state(): ConfigState {
    return this.#state;
  }

  /** 1, 2 or 4 bytes within one dword; anything else reads all ones. */
  read(offset: number, sizeBytes: number): number {
    if (!isDwordAccess(offset, sizeBytes)) return 0xffff_ffff;
    const dword = this.#words[offset >>> 2] ?? 0xffff_ffff;
    return ((dword >>> (8 * (offset & 3))) & sizeMask(sizeBytes)) >>> 0;
  }

  /** 1, 2 or 4 bytes within one dword; anything else is dropped. `value` beyond the size is ignored. */
  write(offset: number, sizeBytes: number, value: number): ConfigEffect[] {
    if (!isDwordAccess(offset, sizeBytes)) return [];
    const base = offset & ~3;
    const shift = 8 * (offset & 3);
    const touched = (sizeMask(sizeBytes) << shift) >>> 0;
    const written = (value << shift) >>> 0;
    const acted = readU32(this.#layout.acting, base) & touched & written;
    if (acted !== 0 && this.#canResetItself()) {
      return [...this.reset(), { kind: 'function-level-reset' }];
    }
    const writable = readU32(this.#layout.writable, base) & touched;
    const old = readU32(this.#image, base);
    const next = this.#legal(base, old, (old & ~writable) | (written & writable));
    this.#words[base >>> 2] = next;
    return this.#settle();
  }

  /** Back to what the guest saw after attach. */
  reset(): ConfigEffect[] {
    this.#image.set(this.#layout.initial);
    return this.#settle();
  }

  /** As {@link reset}, with the function's registers as they are now (after its own reset). */
  recapture(captured: Uint8Array): ConfigEffect[] {
    this.#layout = compileConfigLayout(captured, this.#bars);
    return this.reset();
  }

  #settle(): ConfigEffect[] {
    const before = this.#state;
    this.#state = readConfigState(this.#image, this.#layout);
    return effectsBetween(before, this.#state);
  }

  /** Fields of which not every value makes sense keep the old one. */
  #legal(base: number, old: number, next: number): number {
    const { powerManagement, express, msi } = this.#layout;
    if (powerManagement !== undefined && base === powerManagement + PowerRegister.control) {
      const state = next & PowerControlBit.stateMask;
      const known = state === PowerState.d0 || state === PowerState.d3hot;
      return known ? next : keepField(old, next, PowerControlBit.stateMask);
    }
    if (express !== undefined && base === express + ExpressRegister.deviceControl) {
      const size = (next & DeviceControlBit.maxReadRequestMask) >>> 12;
      return size <= largestReadRequest ? next : keepField(old, next, DeviceControlBit.maxReadRequestMask);
    }
    if (msi !== undefined && base === msi.offset) {
      // Message control is the upper half of this dword.
      const mask = MsiControlBit.multipleEnableMask << (8 * MsiRegister.control);
      const exponent = (next & mask) >>> (8 * MsiRegister.control + MsiControlBit.multipleEnableShift);
      return 1 << exponent <= msi.vectorCount ? next : keepField(old, next, mask);
    }
    return next;
  }

  /** Whether the view shows a function-level reset, without which writing 1 to its bit does nothing. */
  #canResetItself(): boolean {
    const { express, advancedFeatures } = this.#layout;
    if (express !== undefined) {
      const capabilities = readU32(this.#image, express + ExpressRegister.deviceCapabilities);
      if ((capabilities & deviceCapabilitiesFunctionLevelReset) !== 0) return true;
    }
    if (advancedFeatures === undefined) return false;
    const capabilities = readU8(this.#image, advancedFeatures + AdvancedFeaturesRegister.capabilities);
    return (capabilities & advancedFeaturesFunctionLevelReset) !== 0;
  }
}

function isDwordAccess(offset: number, sizeBytes: number): boolean {
  return (
    (sizeBytes === 1 || sizeBytes === 2 || sizeBytes === 4) &&
    Number.isInteger(offset) &&
    offset >= 0 &&
    (offset & 3) + sizeBytes <= 4 &&
    offset + sizeBytes <= extendedConfigSpaceBytes
  );
}

function sizeMask(sizeBytes: number): number {
  return sizeBytes === 4 ? 0xffff_ffff : 2 ** (8 * sizeBytes) - 1;
}

function keepField(old: number, next: number, mask: number): number {
  return ((next & ~mask) | (old & mask)) >>> 0;
}
