import { FakeFunction } from '../../functions/testing/index.ts';
import { SharedMemory } from '../../linux/index.ts';
import { VmbusTestbench } from '../../vmbus/testing/index.ts';
import type { VpciLogEntry } from '../../vpci/index.ts';
import type { MachineServices } from '../assignment/machine-services.ts';
import { type GuestMap, planGuestMap } from '../boot/index.ts';
import { MsiRoutes } from '../interrupts/msi-routes.ts';
import { AddressMap } from '../memory/address-map.ts';
import { GuestRam } from '../memory/guest-ram.ts';
import { MemorySlots } from '../memory/memory-slots.ts';
import { HostPages } from './host-pages.ts';
import { RecordingVm } from './recording-vm.ts';

const MEMORY_BYTES = 64 * 2 ** 20;
const PAGE_BYTES = 4096;
const VCPUS = 2;

/** The device side of a machine around recorded KVM calls, and the guest's view of its addresses. */
export class DeviceBench {
  readonly vm = new RecordingVm();
  readonly pages = new HostPages();
  readonly vmbus = new VmbusTestbench({ vpCount: VCPUS });
  readonly map: GuestMap = planGuestMap({ memoryBytes: MEMORY_BYTES, physicalAddressBits: 40 });
  readonly addresses = new AddressMap();
  readonly slots = new MemorySlots(this.vm, 64);
  readonly services: MachineServices;
  readonly log: VpciLogEntry[] = [];
  /** Accesses of {@link read} and {@link write} that left the guest. */
  exits = 0;
  readonly #held = new DisposableStack();

  constructor() {
    const ram = this.#held.adopt(new GuestRam(MEMORY_BYTES), (each) => each.close());
    const selectorPage = this.#held.adopt(SharedMemory.create('slot-selector', PAGE_BYTES), (each) => each.close());
    this.pages.add(selectorPage.address, new Uint8Array(selectorPage.buffer, 0, PAGE_BYTES));
    for (const region of ram.dmaRegions()) this.slots.map(region.gpa, region.sizeBytes, region.hostAddress, false);
    this.services = {
      map: this.map,
      ram,
      slots: this.slots,
      addresses: this.addresses,
      routes: new MsiRoutes(this.vm),
      doorbells: this.vm,
      vmbus: this.vmbus.server,
      selectorPage,
      vpciMaxVersion: undefined,
      vcpus: VCPUS,
      log: (entry) => void this.log.push(entry),
    };
  }

  /** A function whose pages the guest's reads can be followed to. */
  function(options: ConstructorParameters<typeof FakeFunction>[0] = {}): FakeFunction {
    return new FakeFunction({ allocate: this.pages.allocate, ...options });
  }

  /** Memory slots beside those of RAM. */
  get deviceSlots(): number {
    return this.slots.count - this.services.ram.regions.length;
  }

  /** What the guest's processor reads. */
  read(gpa: number, sizeBytes: number): bigint {
    const memory = this.#mapped(gpa, sizeBytes);
    if (memory !== undefined) return memory.bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
    this.exits += 1;
    return this.addresses.read(gpa, sizeBytes);
  }

  /** The guest's processor writes. */
  write(gpa: number, sizeBytes: number, value: bigint): void {
    const memory = this.#mapped(gpa, sizeBytes);
    if (memory === undefined || memory.readOnly) {
      this.exits += 1;
      this.addresses.write(gpa, sizeBytes, value);
      return;
    }
    for (let i = 0; i < sizeBytes; i += 1) memory.bytes[i] = Number((value >> BigInt(8 * i)) & 0xffn);
  }

  [Symbol.dispose](): void {
    this.#held.dispose();
  }

  #mapped(gpa: number, sizeBytes: number): { readonly bytes: Uint8Array; readonly readOnly: boolean } | undefined {
    for (const region of this.vm.regions.values()) {
      const offset = gpa - region.gpa;
      if (offset < 0 || offset + sizeBytes > region.sizeBytes) continue;
      const bytes = this.pages.at(region.hostAddress + BigInt(offset), sizeBytes);
      return { bytes, readOnly: region.readOnly === true };
    }
    return undefined;
  }
}

/** All ones of a size. */
export function ones(sizeBytes: number): bigint {
  return BigInt.asUintN(8 * sizeBytes, -1n);
}
