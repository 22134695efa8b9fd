import { EventEmitter } from 'node:events';
import type { PciFunction } from '../functions/index.ts';
import { type CrashReport, type GuestOs, HypercallStatus, Partition, type RetargetRequest } from '../hyperv/index.ts';
import { Capability, Kvm, type KvmVcpu, SharedMemory } from '../linux/index.ts';
import { type ProtocolVersion, VMBUS_SINT, VmbusServer } from '../vmbus/index.ts';
import type { VpciVersion } from '../vpci/index.ts';
import { Assignment, type EjectOutcome } from './assignment/assignment.ts';
import { InstanceIds } from './assignment/instance-ids.ts';
import type { MachineServices } from './assignment/machine-services.ts';
import { type BzImage, type GuestMap, planBoot, planGuestMap, type Vmlinux } from './boot/index.ts';
import { allocateRtcState, allocateUartState, COM1 } from './devices/index.ts';
import { type ExitHandling, serveExit } from './exits.ts';
import { MsiRoutes } from './interrupts/msi-routes.ts';
import { msiFor } from './interrupts/msi-address.ts';
import type { MachineEnd } from './machine-end.ts';
import { AddressMap } from './memory/address-map.ts';
import { GuestRam } from './memory/guest-ram.ts';
import { MemorySlots } from './memory/memory-slots.ts';
import { SerialConsole } from './serial-console.ts';
import { createVcpus, createVm, physicalAddressBits, readHwcr, setBootState } from './vcpu/create-vcpus.ts';
import { Doorbell } from './vcpu/doorbell.ts';
import { DeviceLoop } from './vcpu/device-loop.ts';
import { VcpuThread } from './vcpu/vcpu-thread.ts';

/** KVM's in-kernel local APIC timer counts nanoseconds (Linux arch/x86/kvm/lapic.h, APIC_BUS_CYCLE_NS = 1). */
const APIC_HZ = 1_000_000_000;
const PAGE_BYTES = 4096;

export interface MachineOptions {
  readonly kernel: BzImage | Vmlinux;
  readonly initrd?: Uint8Array;
  readonly commandLine: string;
  readonly memoryBytes: number;
  readonly vcpus: number;
  /** Address space for 64-bit BARs; grows with the devices to lend. */
  readonly highWindowBytes?: number;
  readonly vmbusMaxVersion?: ProtocolVersion;
  readonly vpciMaxVersion?: VpciVersion;
}

/** `code` is stable; `text` holds no guest text. */
export interface MachineLogEntry {
  readonly severity: 'info' | 'warning';
  readonly code: string;
  readonly text: string;
}

export interface MachineEvents {
  /** Bytes from the guest's serial port. */
  console: [Uint8Array];
  /** The guest has said that it crashed; it may still run. */
  crashed: [CrashReport];
  guestOs: [GuestOs | undefined];
  /** The host needs this function back. */
  releaseRequested: [Assignment];
  /** This function can't go on. */
  functionFailed: [Assignment, string];
  log: [MachineLogEntry];
}

/** How many exits to user space a machine has taken. */
export interface ExitCounts {
  readonly exits: number;
  /** Of those, the ones that needed the device thread. */
  readonly deviceExits: number;
}

/** What a machine holds: for the tests that look for leaks. */
export interface MachineResources {
  readonly memorySlots: number;
  readonly assignments: number;
}

/**
 * One virtual machine in this process: the device thread is the one that created it, each vCPU has a worker thread.
 * Emits {@link MachineEvents}.
 */
export class VirtualMachine extends EventEmitter<MachineEvents> {
  readonly map: GuestMap;
  /** Why the machine stopped; resolves when it has, with every function revoked and every descriptor closed. */
  readonly ended: Promise<MachineEnd>;
  readonly #kvm: Kvm;
  readonly #ram: GuestRam;
  readonly #slots: MemorySlots;
  readonly #selectorPage: SharedMemory;
  readonly #vmbus: VmbusServer;
  readonly #console: SerialConsole;
  readonly #threads: readonly VcpuThread[];
  readonly #loop: DeviceLoop;
  readonly #services: MachineServices;
  readonly #instanceIds = new InstanceIds();
  readonly #assignments = new Set<Assignment>();
  readonly #addresses = new AddressMap();
  #end: MachineEnd | undefined;
  #crash: CrashReport | undefined;

  /** Creates the VM and starts it. Throws when KVM or the boot plan refuses; nothing is left behind then. */
  constructor(options: MachineOptions) {
    super();
    using cleanup = new DisposableStack();
    this.#kvm = cleanup.adopt(Kvm.open(), (kvm) => kvm.close());
    const supported = this.#kvm.supportedCpuid();
    this.map = planGuestMap({
      memoryBytes: options.memoryBytes,
      physicalAddressBits: physicalAddressBits(supported),
      ...(options.highWindowBytes === undefined ? {} : { highWindowBytes: options.highWindowBytes }),
    });
    const plan = planBoot({
      kernel: options.kernel,
      map: this.map,
      apicIds: Array.from({ length: options.vcpus }, (_, id) => id),
      commandLine: options.commandLine,
      ...(options.initrd === undefined ? {} : { initrd: options.initrd }),
    });

    this.#ram = cleanup.adopt(new GuestRam(options.memoryBytes), (ram) => ram.close());
    for (const { gpa, bytes } of plan.writes) {
      if (!this.#ram.copyIn(gpa, bytes)) {
        throw new RangeError(`the boot plan writes ${bytes.byteLength} bytes at 0x${gpa.toString(16)}, where there is no RAM`);
      }
    }
    this.#selectorPage = cleanup.adopt(SharedMemory.create('slot-selector', PAGE_BYTES), (page) => page.close());
    const vm = cleanup.adopt(createVm(this.#kvm), (each) => each.close());
    this.#slots = new MemorySlots(vm, this.#kvm.checkExtension(Capability.memorySlots));
    for (const region of this.#ram.dmaRegions()) {
      this.#slots.map(region.gpa, region.sizeBytes, region.hostAddress, false);
    }
    const vcpus = createVcpus(vm, supported, options.vcpus);
    cleanup.defer(() => vcpus.forEach((vcpu) => vcpu.close()));
    const [boot] = vcpus;
    if (boot === undefined) {
      throw new RangeError('a VM has at least one vCPU');
    }
    setBootState(boot, plan.cpu);

    const created = process.hrtime.bigint();
    const partition: Partition = new Partition({
      vpCount: options.vcpus,
      memory: this.#ram,
      tscHz: boot.tscKhz() * 1000,
      apicHz: APIC_HZ,
      tscInvariant: true,
      port: {
        postMessage: (connectionId, messageType, payload) => this.#vmbus.handlePost(connectionId, messageType, payload),
        signalEvent: (connectionId, flag) => this.#vmbus.handleSignal(connectionId, flag),
        retargetInterrupt: (request) => this.#retarget(request),
        assertInterrupt: (vp, vector) => void vm.signalMsi(msiFor({ vp, vector })),
        crashed: (report) => {
          this.#crash = report;
          this.emit('crashed', report);
        },
        guestOsChanged: (guestOs) => {
          if (guestOs === undefined) {
            this.#vmbus.reset();
          }
          this.emit('guestOs', guestOs);
        },
        elapsedNs: () => process.hrtime.bigint() - created,
      },
    });
    this.#vmbus = new VmbusServer({
      memory: this.#ram,
      vpCount: options.vcpus,
      ...(options.vmbusMaxVersion === undefined ? {} : { maxVersion: options.vmbusMaxVersion }),
      port: {
        postMessage: (vp, messageType, payload) => {
          if (partition.postMessage(vp, VMBUS_SINT, messageType, payload) === 'refused') {
            // A guest that lets a thousand messages lie doesn't get them from a correct queue any more: VMBus begins anew.
            this.#log('synic-queue-full', `VP ${vp} does not take its messages: its VMBus connection ends`);
            setImmediate(() => this.#vmbus.reset());
          }
        },
        pendingMessages: () => partition.pendingMessages,
        discardMessages: () => partition.discardMessages(),
        signalEvent: (vp, flag) => void partition.signalEvent(vp, VMBUS_SINT, flag),
        schedule: (work) => void setImmediate(work),
        log: (entry) => void this.emit('log', entry),
      },
    });
    this.#services = {
      map: this.map,
      ram: this.#ram,
      slots: this.#slots,
      addresses: this.#addresses,
      routes: new MsiRoutes(vm),
      vmbus: this.#vmbus,
      selectorPage: this.#selectorPage,
      vpciMaxVersion: options.vpciMaxVersion,
      vcpus: options.vcpus,
      log: (entry) => void this.emit('log', entry),
    };

    const uart = allocateUartState();
    const rtc = allocateRtcState();
    const { doorbell, handle } = Doorbell.create();
    cleanup.defer(() => doorbell.close());
    this.#console = new SerialConsole(uart, {
      setIrqLevel: (level) => vm.irqLine(COM1.gsi, level),
      output: (bytes) => void this.emit('console', bytes),
    });
    this.#threads = vcpus.map((vcpu) => new VcpuThread({ vcpu, vmFd: vm.fd, doorbell: handle, uart, rtc }));
    const handling: ExitHandling = {
      partition,
      addresses: this.#addresses,
      readHwcr: (index) => readHwcr(vcpuAt(vcpus, index)),
      end: (end) => this.#finish(end),
    };
    this.#loop = new DeviceLoop({
      doorbell,
      mailboxes: this.#threads.map((thread) => thread.mailbox),
      serve: (index) => serveExit(index, vcpuAt(vcpus, index).runPage, handling),
      serial: () => this.#console.serve(),
      ended: (index, errno) => {
        if (errno !== 0) {
          this.#finish({ kind: 'kvm-failure', vcpu: index, detail: `KVM_RUN failed with errno ${errno}` });
        }
      },
    });
    const held = cleanup.move();
    this.ended = this.#run(held);
  }

  /** Lends `pciFunction` to the guest: reset, reachable by DMA, offered. Throws when a step fails; the function is closed then. */
  lend(pciFunction: PciFunction, serial: number): Assignment {
    if (this.#end !== undefined) {
      throw new Error(`the VM has ended: nothing can be lent to it any more`);
    }
    const instanceId = this.#instanceIds.take(serial);
    const assignment: Assignment = new Assignment(this.#services, pciFunction, instanceId, {
      releaseRequested: () => void this.emit('releaseRequested', assignment),
      failed: (reason) => void this.emit('functionFailed', assignment, reason),
      released: () => this.#instanceIds.giveBack(instanceId),
    });
    assignment.start();
    this.#assignments.add(assignment);
    return assignment;
  }

  /** Asks the guest, waits for `deadlineMs` at the most, then takes the function away in any case. */
  async eject(assignment: Assignment, deadlineMs: number): Promise<EjectOutcome> {
    const outcome = await assignment.eject(deadlineMs);
    this.rescind(assignment);
    return outcome;
  }

  /** Takes the function away without asking. When this returns, the guest reaches nothing of it and nothing of it is open. */
  rescind(assignment: Assignment): void {
    assignment.revoke();
    this.#assignments.delete(assignment);
  }

  get assignments(): readonly Assignment[] {
    return [...this.#assignments];
  }

  /** Types into the guest's serial port. */
  type(bytes: Uint8Array): void {
    this.#console.type(bytes);
  }

  exitCounts(): ExitCounts {
    return {
      exits: this.#threads.reduce((sum, thread) => sum + thread.exits, 0),
      deviceExits: this.#threads.reduce((sum, thread) => sum + thread.deviceExits, 0),
    };
  }

  resources(): MachineResources {
    return { memorySlots: this.#slots.count, assignments: this.#assignments.size };
  }

  /** Stops the machine at once, whatever the guest does. */
  async stop(): Promise<MachineEnd> {
    this.#finish({ kind: 'stopped' });
    return await this.ended;
  }

  async #run(held: DisposableStack): Promise<MachineEnd> {
    // process.exit() would wait for ever for threads that sit in the guest.
    const kickAll = (): void => this.#threads.forEach((thread) => thread.requestStop());
    process.on('exit', kickAll);
    try {
      let failure: { error: unknown } | undefined;
      for (const thread of this.#threads) {
        thread.onError((error) => {
          failure ??= { error };
          this.#finish({ kind: 'stopped' });
        });
      }
      try {
        await this.#loop.done;
      } catch (error) {
        failure ??= { error };
        this.#finish({ kind: 'stopped' });
      }
      await Promise.all(this.#threads.map((thread) => thread.stop()));
      for (const assignment of [...this.#assignments]) {
        this.rescind(assignment);
      }
      this.#console.close();
      if (failure !== undefined) {
        throw failure.error;
      }
      return this.#end ?? { kind: 'stopped' };
    } finally {
      process.off('exit', kickAll);
      held.dispose();
    }
  }

  /** The first reason stands; a reset that follows a crash report is the panic's. */
  #finish(end: MachineEnd): void {
    if (this.#end !== undefined) {
      return;
    }
    this.#end = end.kind === 'reset' && this.#crash !== undefined ? { kind: 'panic', report: this.#crash } : end;
    for (const thread of this.#threads) {
      thread.requestStop();
    }
  }

  #log(code: string, text: string): void {
    this.emit('log', { severity: 'warning', code, text });
  }

  #retarget(request: RetargetRequest): HypercallStatus {
    for (const { provider } of this.#assignments) {
      const result = provider.retarget({ ...request.message, deviceId: request.deviceId, vector: request.vector, vps: request.vps });
      if (result !== 'not-this-bus') {
        return result === 'retargeted' ? HypercallStatus.SUCCESS : HypercallStatus.INVALID_PARAMETER;
      }
    }
    return HypercallStatus.INVALID_PARAMETER;
  }
}

function vcpuAt(vcpus: readonly KvmVcpu[], index: number): KvmVcpu {
  const vcpu = vcpus[index];
  if (vcpu === undefined) {
    throw new RangeError(`there is no vCPU ${index}`);
  }
  return vcpu;
}
