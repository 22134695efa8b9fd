import { BufferPool } from './buffer-pool.ts';
import { allNamespaces, IoOpcode, type NvmeCommand, type Respond } from './command.ts';
import { followPrps, gather, scatter } from './data-pointer.ts';
import type { Features } from './features.ts';
import type { GuestMemory, MemoryPlace } from './guest-memory.ts';
import type { LogPages } from './log-pages.ts';
import { blockBytes, byteRange, type Namespace } from './namespace.ts';
import type { Request } from './queues.ts';
import { maxTransferBytes } from './registers.ts';
import { NvmeStatus } from './status.ts';
import type { StorageError } from './storage.ts';

export interface IoParts {
  readonly namespaces: readonly Namespace[];
  readonly features: Pick<Features, 'writeCacheEnabled'>;
  readonly logs: Pick<LogPages, 'wasRead' | 'wasWritten'>;
  /** Whether a namespace is being formatted. */
  isFormatting(namespace: Namespace): boolean;
}

/** Force Unit Access, command dword 12. */
const forceUnitAccess = 0x4000_0000;
const knownOpcodes: ReadonlySet<number> = new Set(Object.values(IoOpcode));
const rangeBytes = 16;
/** Dataset Management: the ranges may be deallocated. Other attributes are hints. */
const deallocate = 0x4;

interface ByteSpan {
  readonly offset: number;
  readonly sizeBytes: number;
}

interface Transfer extends ByteSpan {
  readonly places: readonly MemoryPlace[];
}

/**
 * The NVM command set. NVM Express Base Specification 1.4, 6. What a storage has at hand, or takes at once, goes right to and
 * from the guest's memory; all else is copied through memory of this process, so that nothing that is still under way
 * reaches a guest that has lost the function meanwhile.
 */
export class IoCommands {
  readonly #parts: IoParts;
  readonly #pool = new BufferPool();

  constructor(parts: IoParts) {
    this.#parts = parts;
  }

  /** Gives how many bytes it has moved when it returns. */
  execute(request: Request, memory: GuestMemory, respond: Respond): number {
    const { command } = request;
    const namespace = this.#parts.namespaces[command.namespaceId - 1];
    const transfers = command.opcode === IoOpcode.read || command.opcode === IoOpcode.write;
    if (transfers && namespace !== undefined && !this.#parts.isFormatting(namespace)) {
      return command.opcode === IoOpcode.read
        ? this.#read(namespace, request, memory, respond)
        : this.#write(namespace, command, memory, respond);
    }
    this.#executeOther(command, namespace, memory, respond);
    return 0;
  }

  #executeOther(command: NvmeCommand, namespace: Namespace | undefined, memory: GuestMemory, respond: Respond): void {
    if (command.opcode === IoOpcode.flush) return this.#flush(command, respond);
    if (!knownOpcodes.has(command.opcode)) return respond(NvmeStatus.invalidOpcode);
    if (namespace === undefined) return respond(NvmeStatus.invalidNamespaceOrFormat);
    if (this.#parts.isFormatting(namespace)) return respond(NvmeStatus.formatInProgress);
    switch (command.opcode) {
      case IoOpcode.compare:
        return this.#compare(namespace, command, memory, respond);
      case IoOpcode.writeZeroes:
        return this.#writeZeroes(namespace, command, respond);
      default:
        return this.#manage(namespace, command, memory, respond);
    }
  }

  #flush({ namespaceId }: NvmeCommand, respond: Respond): void {
    const { namespaces } = this.#parts;
    const one = namespaces[namespaceId - 1];
    const meant = namespaceId === allNamespaces ? namespaces : one === undefined ? [] : [one];
    if (meant.length === 0) return respond(NvmeStatus.invalidNamespaceOrFormat);
    let left = meant.length;
    let failed = false;
    for (const { storage } of meant) {
      storage.flush((error) => {
        failed ||= error !== undefined;
        left -= 1;
        if (left === 0) respond(failed ? NvmeStatus.internalError : NvmeStatus.success);
      });
    }
  }

  #read(namespace: Namespace, request: Request, memory: GuestMemory, respond: Respond): number {
    const transfer = this.#transfer(namespace, request.command, memory);
    if (typeof transfer === 'number') {
      respond(transfer);
      return 0;
    }
    const { offset, sizeBytes, places } = transfer;
    if (namespace.storage.readAtHand(offset, places)) {
      this.#parts.logs.wasRead(sizeBytes);
      respond(NvmeStatus.success);
      return sizeBytes;
    }
    this.#readLater(namespace, request, transfer, memory, respond);
    return 0;
  }

  #readLater(
    namespace: Namespace,
    request: Request,
    { offset, sizeBytes, places }: Transfer,
    memory: GuestMemory,
    respond: Respond,
  ): void {
    const buffer = this.#pool.take(sizeBytes);
    const data = buffer.subarray(0, sizeBytes);
    namespace.storage.read(offset, data, (error) => {
      const status = error === undefined ? deliver(request, memory, places, data) : NvmeStatus.unrecoveredReadError;
      this.#pool.giveBack(buffer);
      if (status === NvmeStatus.success) this.#parts.logs.wasRead(sizeBytes);
      respond(status);
    });
  }

  #write(namespace: Namespace, command: NvmeCommand, memory: GuestMemory, respond: Respond): number {
    const transfer = namespace.storage.readOnly
      ? NvmeStatus.namespaceWriteProtected
      : this.#transfer(namespace, command, memory);
    if (typeof transfer === 'number') {
      respond(transfer);
      return 0;
    }
    const { offset, sizeBytes, places } = transfer;
    if (namespace.storage.writeAtOnce(offset, places)) {
      this.#parts.logs.wasWritten(sizeBytes);
      this.#settle(namespace, command, undefined, respond);
      return sizeBytes;
    }
    this.#writeLater(namespace, command, transfer, memory, respond);
    return 0;
  }

  #writeLater(
    namespace: Namespace,
    command: NvmeCommand,
    transfer: Transfer,
    memory: GuestMemory,
    respond: Respond,
  ): void {
    const taken = this.#copyData(transfer, memory);
    if (typeof taken === 'number') return respond(taken);
    const { buffer, data } = taken;
    namespace.storage.write(transfer.offset, data, (error) => {
      this.#pool.giveBack(buffer);
      if (error === undefined) this.#parts.logs.wasWritten(transfer.sizeBytes);
      this.#settle(namespace, command, error, respond);
    });
  }

  #compare(namespace: Namespace, command: NvmeCommand, memory: GuestMemory, respond: Respond): void {
    const transfer = this.#transfer(namespace, command, memory);
    if (typeof transfer === 'number') return respond(transfer);
    const taken = this.#copyData(transfer, memory);
    if (typeof taken === 'number') return respond(taken);
    const { buffer, data } = taken;
    const { offset } = transfer;
    const stored = this.#pool.take(data.byteLength);
    const target = stored.subarray(0, data.byteLength);
    namespace.storage.read(offset, target, (error) => {
      const same = Buffer.compare(data, target) === 0;
      this.#pool.giveBack(buffer);
      this.#pool.giveBack(stored);
      if (error !== undefined) return respond(NvmeStatus.unrecoveredReadError);
      respond(same ? NvmeStatus.success : NvmeStatus.compareFailure);
    });
  }

  #writeZeroes(namespace: Namespace, command: NvmeCommand, respond: Respond): void {
    if (namespace.storage.readOnly) return respond(NvmeStatus.namespaceWriteProtected);
    const range = blocksOf(namespace, command);
    if (range === undefined) return respond(NvmeStatus.lbaOutOfRange);
    namespace.storage.clear(range.offset, range.sizeBytes, (error) => this.#settle(namespace, command, error, respond));
  }

  /** 6.7: up to 256 ranges, one after the other; those are 16 bytes each: attributes, length in blocks, first block. */
  #manage(namespace: Namespace, command: NvmeCommand, memory: GuestMemory, respond: Respond): void {
    if ((command.cdw11 & deallocate) === 0) return respond(NvmeStatus.success);
    if (namespace.storage.readOnly) return respond(NvmeStatus.namespaceWriteProtected);
    const bytes = new Uint8Array(((command.cdw10 & 0xff) + 1) * rangeBytes);
    const places = followPrps(memory, command, bytes.byteLength);
    if (typeof places === 'number') return respond(places);
    if (!gather(memory, places, bytes)) return respond(NvmeStatus.dataTransferError);
    const view = new DataView(bytes.buffer);
    const ranges: ByteSpan[] = [];
    for (let at = 0; at < bytes.byteLength; at += rangeBytes) {
      const [low, high] = [view.getUint32(at + 8, true), view.getUint32(at + 12, true)];
      const range = byteRange(namespace, low, high, view.getUint32(at + 4, true));
      if (range === undefined) return respond(NvmeStatus.lbaOutOfRange);
      if (range.sizeBytes > 0) ranges.push(range);
    }
    clearEach(namespace, ranges, (error) => respond(error === undefined ? NvmeStatus.success : NvmeStatus.writeFault));
  }

  /** A write is done; where nothing may stay in a cache, it is only then. */
  #settle(namespace: Namespace, command: NvmeCommand, error: StorageError, respond: Respond): void {
    if (error !== undefined) return respond(NvmeStatus.writeFault);
    const through = (command.cdw12 & forceUnitAccess) !== 0 || !this.#parts.features.writeCacheEnabled;
    if (!through) return respond(NvmeStatus.success);
    namespace.storage.flush((flushError) =>
      respond(flushError === undefined ? NvmeStatus.success : NvmeStatus.writeFault),
    );
  }

  /** The guest's data, copied. The caller gives `buffer` back. */
  #copyData(
    { sizeBytes, places }: Transfer,
    memory: GuestMemory,
  ): { readonly buffer: Uint8Array; readonly data: Uint8Array } | NvmeStatus {
    const buffer = this.#pool.take(sizeBytes);
    const data = buffer.subarray(0, sizeBytes);
    if (gather(memory, places, data)) return { buffer, data };
    this.#pool.giveBack(buffer);
    return NvmeStatus.dataTransferError;
  }

  #transfer(namespace: Namespace, command: NvmeCommand, memory: GuestMemory): Transfer | NvmeStatus {
    const range = blocksOf(namespace, command);
    const sizeBytes = ((command.cdw12 & 0xffff) + 1) * blockBytes;
    if (sizeBytes > maxTransferBytes) return NvmeStatus.invalidField;
    if (range === undefined) return NvmeStatus.lbaOutOfRange;
    const places = followPrps(memory, command, sizeBytes);
    return typeof places === 'number' ? places : { offset: range.offset, sizeBytes, places };
  }
}

/** What dwords 10 to 12 of a command name. */
function blocksOf(namespace: Namespace, command: NvmeCommand): ReturnType<typeof byteRange> {
  return byteRange(namespace, command.cdw10, command.cdw11, (command.cdw12 & 0xffff) + 1);
}

/** One after the other, so that no command has more than one operation under way. */
function clearEach(namespace: Namespace, ranges: readonly ByteSpan[], done: (error: StorageError) => void): void {
  const [first, ...others] = ranges;
  if (first === undefined) return done(undefined);
  namespace.storage.clear(first.offset, first.sizeBytes, (error) =>
    error === undefined ? clearEach(namespace, others, done) : done(error),
  );
}

function deliver(request: Request, memory: GuestMemory, places: readonly MemoryPlace[], data: Uint8Array): NvmeStatus {
  // The guest may have given that memory to something else since.
  if (request.abandoned) return NvmeStatus.success;
  return scatter(memory, places, data) ? NvmeStatus.success : NvmeStatus.dataTransferError;
}
