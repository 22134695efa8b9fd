import {
  decodeMsixCapability,
  configSpaceBytes,
  type MsixCapability,
  MsixControlBit,
  MsixEntryRegister,
  msixEntryBytes,
  MsixRegister,
  msixVectorMasked,
  writeU32,
} from '../../../pci/index.ts';
import type { GuestPlatform, VectorTarget } from '../guest-platform.ts';
import type { MessageToken } from './assigned-resources.ts';
import type { AssignedResources } from './irp.ts';

export interface ConfigSpace {
  readConfig(offset: number, sizeBytes: number): number;
  writeConfig(offset: number, sizeBytes: number, value: number): void;
}

/** Reads the capability that tells how many messages a function can have. Undefined: it has no MSI-X. */
export function msixOf(config: ConfigSpace): MsixCapability | undefined {
  const bytes = new Uint8Array(configSpaceBytes);
  for (let offset = 0; offset < configSpaceBytes; offset += 4) writeU32(bytes, offset, config.readConfig(offset, 4));
  return decodeMsixCapability(bytes);
}

/** A started function's messages: what the bus driver has programmed for them, and whom they call. */
export class MessageTable {
  readonly #platform: GuestPlatform;
  readonly #config: ConfigSpace;
  readonly #msix: MsixCapability | undefined;
  readonly #handlers = new Map<number, () => void>();
  #tableGpa: number | undefined;
  #targets: readonly VectorTarget[] = [];

  constructor(platform: GuestPlatform, config: ConfigSpace, msix: MsixCapability | undefined) {
    this.#platform = platform;
    this.#config = config;
    this.#msix = msix;
  }

  get count(): number {
    return this.#targets.length;
  }

  get connected(): readonly number[] {
    return [...this.#handlers.keys()];
  }

  target(index: number): VectorTarget | undefined {
    return this.#targets[index];
  }

  /** The function has its resources: the vectors are known, and where the table is. */
  started({ bars, messages }: AssignedResources): void {
    const table = this.#msix?.table;
    const bar = bars.find(({ index }) => index === table?.barIndex);
    this.#tableGpa = bar === undefined || table === undefined ? undefined : bar.gpa + table.offsetBytes;
    this.#targets = messages;
    for (const [index, handler] of this.#handlers) this.#handle(index, handler);
  }

  /** The resources are taken back; what was connected is connected again when the function is started anew. */
  stopped(): void {
    for (const index of this.#handlers.keys()) this.#handle(index, undefined);
    this.#targets = [];
    this.#tableGpa = undefined;
  }

  setEnabled(enabled: boolean): void {
    if (this.#msix === undefined) return;
    const offset = this.#msix.offset + MsixRegister.control;
    const control = this.#config.readConfig(offset, 2);
    const bits = enabled ? control | MsixControlBit.enable : control & ~MsixControlBit.enable;
    this.#config.writeConfig(offset, 2, bits);
  }

  connect(index: number, handler: () => void): void {
    this.#handlers.set(index, handler);
    this.#handle(index, handler);
  }

  disconnect(index: number): void {
    this.mask(index);
    if (this.#handlers.delete(index)) this.#handle(index, undefined);
  }

  /** Writes the entry and lets it through. */
  program(index: number, { address, data }: MessageToken): void {
    this.#write(index, MsixEntryRegister.addressLow, Number(address & 0xffff_ffffn));
    this.#write(index, MsixEntryRegister.addressHigh, Number(address >> 32n));
    this.#write(index, MsixEntryRegister.data, data);
    this.#write(index, MsixEntryRegister.vectorControl, 0);
  }

  mask(index: number): void {
    this.#write(index, MsixEntryRegister.vectorControl, msixVectorMasked);
  }

  #handle(index: number, handler: (() => void) | undefined): void {
    const target = this.#targets[index];
    if (target !== undefined) this.#platform.handleVector(target, handler);
  }

  #write(index: number, register: number, value: number): void {
    if (this.#tableGpa === undefined) return;
    this.#platform.writeMmio(this.#tableGpa + msixEntryBytes * index + register, 4, BigInt(value));
  }
}
