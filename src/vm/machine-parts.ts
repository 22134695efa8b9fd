import type { MachineServices } from './assignment/machine-services.ts';
import { SharedMemory } from '../linux/index.ts';
import { allocateRtcState, allocateUartState, COM1 } from './devices/index.ts';
import { serveExit } from './exits.ts';
import { createHardware } from './hardware.ts';
import { createHypervisor, type HypervisorPort } from './hypervisor.ts';
import { msiFor } from './interrupts/msi-address.ts';
import { MsiRoutes } from './interrupts/msi-routes.ts';
import type { MachineEnd } from './machine-end.ts';
import type { MachineOptions } from './machine-options.ts';
import { AddressMap } from './memory/address-map.ts';
import type { Trace } from '../trace/index.ts';
import { SerialConsole } from './serial-console.ts';
import { keepNoEoiRequired, readHwcr } from './vcpu/create-vcpus.ts';
import { Doorbell } from './vcpu/doorbell.ts';
import { type RunningThreads, startThreads } from './vcpu/start-threads.ts';

const PAGE_BYTES = 4096;
/**
 * From a guest's connecting to VMBus to its memory being populated. It is in the middle of its start then, and on a host without a
 * processor to spare that would have to wait. Much later, and the first function would.
 */
const POPULATE_AFTER_MS = 250;

/** What a machine's parts tell it, from the event loop's next turn on. */
export interface MachinePort extends Omit<HypervisorPort, 'raise' | 'assistPage' | 'connected'> {
  /** Bytes from the guest's serial port. */
  output(bytes: Uint8Array): void;
  /** The machine can't run on, or shall not. */
  end(end: MachineEnd): void;
}

/** A machine put together; its vCPUs run. */
export interface MachineParts extends RunningThreads {
  readonly services: MachineServices;
  readonly console: SerialConsole;
  readonly trace: Trace;
}

/** Creates the VM and starts it. Throws when KVM or the boot plan refuses; nothing is left behind then. */
export function createMachine(options: MachineOptions, port: MachinePort): MachineParts {
  using held = new DisposableStack();
  // Taken out here: what lives as long as the machine must not keep the kernel, which is in guest RAM by then.
  const { populateMemory = false } = options;
  // Before the VM, so that it outlives it.
  const selectorPage = held.adopt(SharedMemory.create('slot-selector', PAGE_BYTES), (page) => page.close());
  const { map, ram, vm, slots, vcpus, tscHz, offered } = createHardware(options, held);
  let populating: NodeJS.Timeout | undefined;
  held.defer(() => clearTimeout(populating));
  const { partition, vmbus, trace } = createHypervisor({
    vcpus: options.vcpus,
    memory: ram,
    tscHz,
    offered,
    vmbusMaxVersion: options.vmbusMaxVersion,
    port: {
      ...port,
      raise: (target) => void vm.signalMsi(msiFor(target)),
      connected: () => {
        // What is not populated by the time that it is pinned comes then.
        if (populateMemory) populating ??= setTimeout(() => void ram.populate(), POPULATE_AFTER_MS).unref();
      },
      assistPage: (vp, gpa) => keepNoEoiRequired(at(vcpus, vp), gpa),
    },
  });
  const addresses = new AddressMap();
  const services: MachineServices = {
    map,
    ram,
    slots,
    addresses,
    routes: new MsiRoutes(vm),
    doorbells: vm,
    vmbus,
    selectorPage,
    vpciMaxVersion: options.vpciMaxVersion,
    vcpus: options.vcpus,
    log: port.log,
  };
  const uart = allocateUartState();
  const serial = new SerialConsole(uart, {
    setIrqLevel: (level) => vm.irqLine(COM1.gsi, level),
    output: port.output,
  });
  const { doorbell, handle } = Doorbell.create();
  held.defer(() => doorbell.close());
  const handling = {
    partition,
    addresses,
    readHwcr: (index: number) => readHwcr(at(vcpus, index)),
    end: port.end,
  };
  const running = startThreads({
    vcpus,
    vmFd: vm.fd,
    doorbell,
    handle,
    uart,
    rtc: allocateRtcState(),
    beforeGuest: options.beforeGuest,
    exits: {
      serve: (index) => serveExit(index, at(vcpus, index).runPage, handling),
      serial: () => serial.serve(),
      ended: (index, errno) => {
        if (errno !== 0) {
          port.end({ kind: 'kvm-failure', vcpu: index, detail: `KVM_RUN failed with errno ${errno}` });
        }
      },
    },
    held,
  });
  return { ...running, services, console: serial, trace };
}

function at<Vcpu>(vcpus: readonly Vcpu[], index: number): Vcpu {
  const vcpu = vcpus[index];
  if (vcpu === undefined) {
    throw new RangeError(`there is no vCPU ${index}`);
  }
  return vcpu;
}
