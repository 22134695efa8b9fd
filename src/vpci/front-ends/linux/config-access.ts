import { CONFIG_WINDOW_BYTES } from '../../config-window.ts';
import type { Slot } from '../../slot.ts';
import type { GuestPlatform } from '../guest-platform.ts';
import type { Child, Children } from './children.ts';

const CONFIG_PAGE = 0x1000;

function allOnes(sizeBytes: number): number {
  return sizeBytes === 1 ? 0xff : sizeBytes === 2 ? 0xffff : 0xffff_ffff;
}

/**
 * Configuration space through the bus's window: the slot is selected before each access. What the host's description has told
 * already, and what no function behind this bus has, is answered without asking (Linux 6.1
 * drivers/pci/controller/pci-hyperv.c, _hv_pcifront_read_config, _hv_pcifront_write_config).
 */
export class ConfigAccess {
  readonly #platform: GuestPlatform;
  readonly #windowGpa: number;
  readonly #children: Children;

  constructor(platform: GuestPlatform, windowGpa: number, children: Children) {
    this.#platform = platform;
    this.#windowGpa = windowGpa;
    this.#children = children;
  }

  /** All ones where there is no child: nobody is asked. */
  read(slot: Slot, offset: number, sizeBytes: number): number {
    const child = this.#children.get(slot);
    if (child === undefined) return allOnes(sizeBytes);
    return described(child, offset, sizeBytes) ?? this.#fromHost(slot, offset, sizeBytes);
  }

  write(slot: Slot, offset: number, sizeBytes: number, value: number): void {
    if (!this.#children.has(slot)) return;
    // The ids can't be written; subsystem ids and the ROM's address are dropped.
    if (offset < 0x04 || (offset >= 0x2c && offset < 0x34)) return;
    this.#select(slot);
    this.#platform.writeMmio(this.#windowGpa + CONFIG_PAGE + offset, sizeBytes, BigInt(value));
  }

  /** The vendor id as the host answers it now: 0xffff once the function is gone. */
  vendorId(slot: Slot): number {
    return this.#fromHost(slot, 0, 2);
  }

  #fromHost(slot: Slot, offset: number, sizeBytes: number): number {
    this.#select(slot);
    return Number(this.#platform.readMmio(this.#windowGpa + CONFIG_PAGE + offset, sizeBytes));
  }

  #select(slot: Slot): void {
    this.#platform.writeMmio(this.#windowGpa, 4, BigInt(slot));
  }
}

/** What a read gives that lies wholly in what the description tells; undefined: the host is to be asked. */
function described({ description: { identity } }: Child, offset: number, sizeBytes: number): number | undefined {
  const within = (start: number, end: number): boolean => offset >= start && offset + sizeBytes <= end;
  const part = (word: number, start: number): number =>
    Math.floor(word / 2 ** (8 * (offset - start))) & (sizeBytes === 4 ? -1 : allOnes(sizeBytes));
  if (within(0x00, 0x04)) return part(identity.vendorId + identity.deviceId * 2 ** 16, 0x00) >>> 0;
  if (within(0x08, 0x0c)) {
    const { revisionId, programmingInterface, subClass, baseClass } = identity;
    return part(revisionId + programmingInterface * 2 ** 8 + subClass * 2 ** 16 + baseClass * 2 ** 24, 0x08) >>> 0;
  }
  if (within(0x2c, 0x30)) return part(identity.subsystemVendorId + identity.subsystemId * 2 ** 16, 0x2c) >>> 0;
  if (within(0x30, 0x34)) return 0;
  if (sizeBytes === 1 && (offset === 0x3c || offset === 0x3d)) return 0;
  return undefined;
}

export { CONFIG_WINDOW_BYTES };
