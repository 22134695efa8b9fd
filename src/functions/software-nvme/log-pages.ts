import { AdminOpcode, type GuestAddress, IoOpcode, type NvmeCommand } from './command.ts';

/** Log page identifiers, NVM Express Base Specification 1.4, 5.14.1 and figure 191. */
export const LogPage = { error: 0x01, health: 0x02, firmware: 0x03, commandsSupported: 0x05 } as const;

/** Entries of the error log (ELPE, 0-based: 63). */
export const errorLogEntries = 64;
const errorEntryBytes = 64;
const healthBytes = 512;
const firmwareBytes = 512;
const effectsBytes = 4096;

/**
 * What a controller of software says of its temperature, in kelvins: it has none, and 27 °C alarms nobody.
 */
export const temperatureKelvin = 300;
const criticalTemperature = 0x02;

/** An entry of the commands supported and effects log, figure 198: supported; changes content. */
const supported = 0x1;
const changesContent = 0x2;
/** Nothing else may run on that namespace meanwhile. */
const aloneOnNamespace = 1 << 16;

interface ErrorRecord {
  readonly count: number;
  readonly queueId: number;
  readonly commandId: number;
  readonly status: number;
  readonly block: GuestAddress;
  readonly namespaceId: number;
}

/** What a controller remembers of its work. All of it outlives resets. */
export class LogPages {
  readonly firmwareRevision: string;
  readonly #nowMs: () => number;
  readonly #startedMs: number;
  readonly #errors: ErrorRecord[] = [];
  #errorCount = 0;
  #mediaErrors = 0;
  readonly #traffic = { readBytes: 0, writtenBytes: 0, reads: 0, writes: 0 };

  constructor(firmwareRevision: string, nowMs: () => number) {
    this.firmwareRevision = firmwareRevision;
    this.#nowMs = nowMs;
    this.#startedMs = nowMs();
  }

  wasRead(sizeBytes: number): void {
    this.#traffic.reads += 1;
    this.#traffic.readBytes += sizeBytes;
  }

  wasWritten(sizeBytes: number): void {
    this.#traffic.writes += 1;
    this.#traffic.writtenBytes += sizeBytes;
  }

  /** A command ended badly; undefined: something that no command caused. */
  failed(queueId: number, command: NvmeCommand | undefined, status: number): void {
    this.#errorCount += 1;
    if (status >>> 8 === 2) this.#mediaErrors += 1;
    this.#errors.unshift({
      count: this.#errorCount,
      queueId,
      commandId: command?.commandId ?? 0xffff,
      status,
      block: { low: command?.cdw10 ?? 0, high: command?.cdw11 ?? 0 },
      namespaceId: command?.namespaceId ?? 0,
    });
    this.#errors.length = Math.min(this.#errors.length, errorLogEntries);
  }

  /** The whole page; undefined: there is no such page. `overheated`: by the guest's own thresholds. */
  page(id: number, overheated: boolean): Uint8Array | undefined {
    switch (id) {
      case LogPage.error:
        return this.#errorPage();
      case LogPage.health:
        return this.#healthPage(overheated);
      case LogPage.firmware:
        return this.#firmwarePage();
      case LogPage.commandsSupported:
        return commandsSupportedPage();
      default:
        return undefined;
    }
  }

  /** Figure 193: the newest first. */
  #errorPage(): Uint8Array {
    const bytes = new Uint8Array(errorLogEntries * errorEntryBytes);
    const view = new DataView(bytes.buffer);
    for (const [index, error] of this.#errors.entries()) {
      const at = index * errorEntryBytes;
      view.setBigUint64(at, BigInt(error.count), true);
      view.setUint16(at + 8, error.queueId, true);
      view.setUint16(at + 10, error.commandId, true);
      view.setUint16(at + 12, error.status << 1, true);
      // Where in the command: not told.
      view.setUint16(at + 14, 0xffff, true);
      view.setUint32(at + 16, error.block.low, true);
      view.setUint32(at + 20, error.block.high, true);
      view.setUint32(at + 24, error.namespaceId, true);
    }
    return bytes;
  }

  /** Figure 194. Numbers of 16 bytes are smaller than 2⁶⁴. */
  #healthPage(overheated: boolean): Uint8Array {
    const bytes = new Uint8Array(healthBytes);
    const view = new DataView(bytes.buffer);
    const number = (at: number, value: number): void => view.setBigUint64(at, BigInt(Math.ceil(value)), true);
    view.setUint8(0, overheated ? criticalTemperature : 0);
    view.setUint16(1, temperatureKelvin, true);
    // Spare blocks in per cent, and from where on that would be few.
    view.setUint8(3, 100);
    view.setUint8(4, 10);
    // In thousands of 512 bytes, rounded up.
    number(32, this.#traffic.readBytes / 512_000);
    number(48, this.#traffic.writtenBytes / 512_000);
    number(64, this.#traffic.reads);
    number(80, this.#traffic.writes);
    number(112, 1);
    number(128, Math.floor((this.#nowMs() - this.#startedMs) / 3_600_000));
    number(160, this.#mediaErrors);
    number(176, this.#errorCount);
    return bytes;
  }

  /** Figure 195: one slot, which is active. */
  #firmwarePage(): Uint8Array {
    const bytes = new Uint8Array(firmwareBytes);
    bytes[0] = 1;
    bytes.set(new TextEncoder().encode(this.firmwareRevision.padEnd(8).slice(0, 8)), 8);
    return bytes;
  }
}

/** Figures 197 and 198: 256 admin commands, then 256 of the NVM command set. */
function commandsSupportedPage(): Uint8Array {
  const bytes = new Uint8Array(effectsBytes);
  const view = new DataView(bytes.buffer);
  for (const opcode of Object.values(AdminOpcode)) {
    const effects = opcode === AdminOpcode.formatNvm ? supported | changesContent | aloneOnNamespace : supported;
    view.setUint32(4 * opcode, effects, true);
  }
  const changing: ReadonlySet<number> = new Set([IoOpcode.write, IoOpcode.writeZeroes, IoOpcode.datasetManagement]);
  for (const opcode of Object.values(IoOpcode)) {
    view.setUint32(1024 + 4 * opcode, changing.has(opcode) ? supported | changesContent : supported, true);
  }
  return bytes;
}
