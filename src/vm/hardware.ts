import type { OfferedFeatures } from '../hyperv/index.ts';
import { Capability, Kvm, type KvmVcpu, type KvmVm } from '../linux/index.ts';
import { type BootPlan, type GuestMap, planBoot, planGuestMap } from './boot/index.ts';
import type { MachineOptions } from './machine-options.ts';
import { GuestRam } from './memory/guest-ram.ts';
import { MemorySlots } from './memory/memory-slots.ts';
import { createVcpus, createVm, offeredFeatures, physicalAddressBits, setBootState } from './vcpu/create-vcpus.ts';

/** The KVM side of a machine: its RAM holds the kernel, its boot processor stands at the kernel's entry. */
export interface Hardware {
  readonly map: GuestMap;
  readonly ram: GuestRam;
  readonly vm: KvmVm;
  readonly slots: MemorySlots;
  readonly vcpus: readonly KvmVcpu[];
  readonly tscHz: number;
  readonly offered: OfferedFeatures;
}

/** Everything that must be let go of goes into `held`, also when this throws: KVM or the boot plan refuses. */
export function createHardware(options: MachineOptions, held: DisposableStack): Hardware {
  const kvm = held.adopt(options.kvmFd === undefined ? Kvm.open() : Kvm.fromFd(options.kvmFd), (each) => each.close());
  const offered = offeredFeatures(kvm);
  const supported = kvm.supportedCpuid();
  const map = planGuestMap({
    memoryBytes: options.memoryBytes,
    physicalAddressBits: physicalAddressBits(supported),
    ...(options.highWindowBytes === undefined ? {} : { highWindowBytes: options.highWindowBytes }),
  });
  const plan = planBoot({
    kernel: options.kernel,
    map,
    apicIds: Array.from({ length: options.vcpus }, (_, id) => id),
    commandLine: options.commandLine,
    ...(options.initrd === undefined ? {} : { initrd: options.initrd }),
  });
  const ram = held.adopt(new GuestRam(options.memoryBytes), (each) => each.close());
  load(plan, ram);

  const vm = held.adopt(createVm(kvm, offered), (each) => each.close());
  const slots = new MemorySlots(vm, kvm.checkExtension(Capability.memorySlots));
  for (const region of ram.dmaRegions()) {
    slots.map(region.gpa, region.sizeBytes, region.hostAddress, false);
  }
  const vcpus = createVcpus(vm, supported, options.vcpus, offered, held);
  const [boot] = vcpus;
  if (boot === undefined) {
    throw new RangeError('a VM has at least one vCPU');
  }
  setBootState(boot, plan.cpu);
  return { map, ram, vm, slots, vcpus, tscHz: boot.tscKhz() * 1000, offered };
}

function load(plan: BootPlan, ram: GuestRam): void {
  for (const { gpa, bytes } of plan.writes) {
    if (!ram.copyIn(gpa, bytes)) throw noRam(gpa, bytes.byteLength);
  }
  for (const { gpa, sizeBytes, file, offset } of plan.loads) {
    if (!ram.fill(gpa, sizeBytes, (target) => file.read(offset, target))) throw noRam(gpa, sizeBytes);
  }
}

function noRam(gpa: number, sizeBytes: number): RangeError {
  return new RangeError(`the boot plan writes ${sizeBytes} bytes at 0x${gpa.toString(16)}, where there is no RAM`);
}
