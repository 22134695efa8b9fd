import { readLimit, Resource } from '../libc/limits.ts';
import { SystemCallError } from '../libc/system-call-error.ts';
import { readProcessStatus } from '../procfs.ts';
import { ContainerBackend } from './container.ts';
import type {
  DmaBackend,
  DmaDomainHandles,
  IovaRange,
  JoinedDevice,
  PassedNode,
  VfioBackendKind,
} from './dma-backend.ts';
import { type DmaMapping, DmaMappings } from './dma-mappings.ts';
import { piecesOf } from './mapping-pieces.ts';
import { IommufdBackend } from './iommufd.ts';
import { VfioError } from './vfio-error.ts';

/**
 * The DMA address space of one VM: every device that joins reaches the same memory at the same addresses, and nothing
 * else. The process that maps pins the memory and is charged for it (RLIMIT_MEMLOCK, see {@link raiseMemlock}).
 */
export class DmaDomain {
  readonly #backend: DmaBackend;
  readonly #mappings = new DmaMappings();
  #devices = 0;
  #lastJoin: Promise<unknown> = Promise.resolve();
  #closed = false;

  /** @internal Made by {@link createDmaDomain} and {@link adoptDmaDomain}. */
  constructor(backend: DmaBackend, devices: number) {
    this.#backend = backend;
    this.#devices = devices;
  }

  get backend(): VfioBackendKind {
    return this.#backend.kind;
  }

  /** Descriptors to send to the process that is to map memory. They stay open here. */
  get handles(): DmaDomainHandles {
    return this.#backend.handles;
  }

  /** @internal Used by {@link openVfioDevice}. */
  join(bdf: string, passed?: PassedNode): JoinedDevice {
    return this.#counted(this.#backend.enter(bdf, passed).open());
  }

  /**
   * Opens a function and lets it reach `memory`, both at once and both on other threads. The mappings have a hold of the
   * caller's, which {@link unmapDma} takes away. When one of the two fails, both are undone before this throws. With `signal` it ends
   * soon, with its reason: one call of the kernel's is not broken off.
   *
   * @internal Used by {@link openVfioDeviceAside}.
   */
  joinWith(
    bdf: string,
    memory: readonly DmaMapping[],
    passed?: PassedNode,
    signal?: AbortSignal,
  ): Promise<JoinedDevice> {
    // One after the other: what the first maps the next one finds mapped.
    const joined = this.#lastJoin.then(() => this.#joinWith(bdf, memory, passed, signal));
    this.#lastJoin = joined.catch(() => undefined);
    return joined;
  }

  async #joinWith(
    bdf: string,
    memory: readonly DmaMapping[],
    passed?: PassedNode,
    signal?: AbortSignal,
  ): Promise<JoinedDevice> {
    const entered = this.#backend.enter(bdf, passed);
    // Memory may be mapped from here on, whether or not the function is open before it is.
    this.#devices += 1;
    // Memory for a function that can't be opened needn't be waited for.
    const refused = new AbortController();
    const opening = entered.openAside();
    opening.catch((error: unknown) => refused.abort(error));
    const ending = AbortSignal.any(signal === undefined ? [refused.signal] : [refused.signal, signal]);
    const [opened, mapped] = await Promise.allSettled([opening, this.#mapAside(memory, ending)]);
    this.#devices -= 1;
    if (opened.status === 'fulfilled' && mapped.status === 'fulfilled') return this.#counted(opened.value);
    if (mapped.status === 'fulfilled') for (const { iova, sizeBytes } of memory) this.unmapDma(iova, sizeBytes);
    if (opened.status === 'fulfilled') opened.value.leave();
    throw opened.status === 'rejected' ? opened.reason : (mapped as PromiseRejectedResult).reason;
  }

  async #mapAside(memory: readonly DmaMapping[], signal: AbortSignal): Promise<void> {
    const held: DmaMapping[] = [];
    for (const mapping of memory) {
      try {
        const isFirst = this.#mappings.hold(mapping);
        held.push(mapping);
        if (isFirst) await this.#mapInPieces(mapping, signal);
      } catch (error) {
        const { iova, sizeBytes } = mapping;
        const reason = this.#explain(error, iova, sizeBytes);
        // The last one that is held isn't mapped: its hold alone is taken away.
        if (held.at(-1) === mapping) this.#mappings.release(iova, sizeBytes);
        for (const earlier of held.filter((each) => each !== mapping)) this.unmapDma(earlier.iova, earlier.sizeBytes);
        throw reason;
      }
    }
  }

  async #mapInPieces(mapping: DmaMapping, signal: AbortSignal): Promise<void> {
    let mappedBytes = 0;
    try {
      for (const piece of piecesOf(mapping)) {
        signal.throwIfAborted();
        await this.#backend.mapAside(piece);
        mappedBytes += piece.sizeBytes;
      }
    } catch (error) {
      // Whoever holds a range has all of it mapped, or nothing.
      if (mappedBytes > 0) this.#backend.unmap(mapping.iova, mappedBytes);
      throw error;
    }
  }

  /** @internal Used by {@link adoptVfioDevice}. */
  adopt(device: JoinedDevice): JoinedDevice {
    return this.#counted(device);
  }

  #counted(device: JoinedDevice): JoinedDevice {
    this.#devices += 1;
    return {
      ...device,
      leave: () => {
        this.#devices -= 1;
        // A container forgets its mappings with its last group; both kinds are made to behave alike.
        if (this.#devices === 0) this.unmapAllDma();
        device.leave();
      },
    };
  }

  /**
   * Lets the devices reach `sizeBytes` at `hostAddress` by DMA at addresses `iova`…; whole pages. Mapping the same range to
   * the same memory again adds a hold; the mapping goes with the last {@link unmapDma}. Throws {@link VfioError}
   * `vfio-domain-empty`, `vfio-dma-overlap`, `vfio-dma-reserved`, `vfio-memlock-too-low`.
   */
  mapDma(iova: number, sizeBytes: number, hostAddress: bigint): void {
    if (this.#devices === 0) {
      throw new VfioError(
        'vfio-domain-empty',
        'Memory can be mapped for DMA only after a device has joined: open one first.',
      );
    }
    if (!this.#mappings.hold({ iova, sizeBytes, hostAddress })) return;
    try {
      this.#backend.map({ iova, sizeBytes, hostAddress });
    } catch (error) {
      this.#mappings.release(iova, sizeBytes);
      throw this.#explain(error, iova, sizeBytes);
    }
  }

  /** Takes one hold away. When the last is gone no device reaches the range any more. A range that isn't mapped: nothing. */
  unmapDma(iova: number, sizeBytes: number): void {
    if (this.#mappings.release(iova, sizeBytes)) this.#backend.unmap(iova, sizeBytes);
  }

  /** Takes every mapping away, whoever holds it. */
  unmapAllDma(): void {
    if (this.#mappings.totalBytes === 0) return;
    this.#backend.unmapAll();
    this.#mappings.clear();
  }

  /** All memory that the devices reach. */
  get mappedBytes(): number {
    return this.#mappings.totalBytes;
  }

  /** Which DMA addresses can be mapped at all, once a device has joined. Empty: the kernel doesn't say. */
  iovaRanges(): IovaRange[] {
    return this.#backend.iovaRanges();
  }

  /** After its devices are closed. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#backend.close();
  }

  #explain(error: unknown, iova: number, sizeBytes: number): unknown {
    if (!(error instanceof SystemCallError)) return error;
    if (error.code === 'ENOMEM') {
      // Pinned pages of other users count too (io_uring, RDMA), under either name.
      const status = readProcessStatus('self');
      const locked = Math.max(this.#mappings.totalBytes, status?.lockedBytes ?? 0, status?.pinnedBytes ?? 0);
      const needed = locked + sizeBytes;
      const limit = readLimit(Resource.lockedMemory).soft;
      if (limit < needed) return memlockTooLow(needed, limit, error);
    }
    if ((error.code === 'EINVAL' || error.code === 'EADDRINUSE') && !this.#translatable(iova, sizeBytes)) {
      return new VfioError(
        'vfio-dma-reserved',
        `DMA addresses 0x${iova.toString(16)}–0x${(iova + sizeBytes - 1).toString(16)} can not be mapped: this machine's IOMMU keeps some of them for itself. ` +
          "Lay the guest's memory out around them.",
        { cause: error },
      );
    }
    return error;
  }

  #translatable(iova: number, sizeBytes: number): boolean {
    const ranges = this.#backend.iovaRanges();
    const first = BigInt(iova);
    const last = first + BigInt(sizeBytes) - 1n;
    return ranges.length === 0 || ranges.some((range) => range.first <= first && last <= range.last);
  }
}

function memlockTooLow(needed: number, limit: number, cause: SystemCallError): VfioError {
  return new VfioError(
    'vfio-memlock-too-low',
    `A device can reach guest memory only while it is locked, and this process may lock ${limit} bytes; ${needed} are needed. ` +
      `Raise RLIMIT_MEMLOCK to at least ${needed} bytes: LimitMEMLOCK=${Math.ceil(needed / 1024 / 1024)}M in the systemd unit, or \`prlimit --pid ${process.pid} --memlock=${needed}\` as root.`,
    { cause },
  );
}

/** A new, empty address space. Throws {@link VfioError} `vfio-missing`, `vfio-backend-missing`, `vfio-no-permission`. */
export function createDmaDomain(backend: VfioBackendKind): DmaDomain {
  return new DmaDomain(backend === 'iommufd' ? IommufdBackend.open() : ContainerBackend.open(), 0);
}

/**
 * A new, empty address space over a descriptor of `/dev/vfio/vfio` or `/dev/iommu` that another process opened and did
 * nothing with. Takes it over, also when it throws {@link VfioError} `vfio-backend-missing`.
 */
export function createDmaDomainOver(backend: VfioBackendKind, fd: number): DmaDomain {
  return new DmaDomain(backend === 'iommufd' ? IommufdBackend.over(fd) : ContainerBackend.over(fd), 0);
}

/** Takes over an address space that another process created and joined devices to. The devices are adopted one by one. */
export function adoptDmaDomain(handles: DmaDomainHandles): DmaDomain {
  const backend =
    handles.backend === 'iommufd'
      ? IommufdBackend.fromFd(handles.fd, handles.ioasId)
      : ContainerBackend.fromFd(handles.fd);
  return new DmaDomain(backend, 0);
}
