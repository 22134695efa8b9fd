import {
  type CrashReport,
  type GuestMemory,
  type GuestOs,
  type HypercallStatus,
  type OfferedFeatures,
  Partition,
  type RetargetRequest,
} from '../hyperv/index.ts';
import { Trace } from '../trace/index.ts';
import { type ProtocolVersion, VMBUS_SINT, VmbusServer } from '../vmbus/index.ts';
import { BoundedLog, type VpciLogEntry } from '../vpci/index.ts';
import type { InterruptTarget } from './interrupts/msi-address.ts';

/** KVM's in-kernel local APIC timer counts nanoseconds (Linux arch/x86/kvm/lapic.h, APIC_BUS_CYCLE_NS = 1). */
const APIC_HZ = 1_000_000_000;

/** What the hypervisor's contract and VMBus ask of the machine around them. */
export interface HypervisorPort {
  /** Raises an interrupt now. */
  raise(target: InterruptTarget): void;
  /** `vp` keeps its VP assist page at `gpa` from now on: see `assistPageChanged` of the partition's port. */
  assistPage(vp: number, gpa: bigint | undefined): void;
  retarget(request: RetargetRequest): HypercallStatus;
  /** The guest has said that it crashed; it may still run. */
  crashed(report: CrashReport): void;
  guestOs(guestOs: GuestOs | undefined): void;
  /** The guest has connected to VMBus, once more or for the first time. */
  connected(): void;
  log(entry: VpciLogEntry): void;
}

export interface HypervisorOptions {
  readonly vcpus: number;
  readonly memory: GuestMemory;
  readonly tscHz: number;
  readonly offered: OfferedFeatures;
  readonly vmbusMaxVersion: ProtocolVersion | undefined;
  readonly port: HypervisorPort;
}

export interface Hypervisor {
  readonly partition: Partition;
  readonly vmbus: VmbusServer;
  readonly trace: Trace;
}

/** Ties the hypervisor's contract and VMBus together: hypercalls lead to VMBus, its messages and flags into the SynICs. */
export function createHypervisor({
  vcpus,
  memory,
  tscHz,
  offered,
  vmbusMaxVersion,
  port,
}: HypervisorOptions): Hypervisor {
  const created = process.hrtime.bigint();
  const log = new BoundedLog((entry) => port.log(entry));
  const trace = new Trace({ nowNs: wallClockNs(), schedule: (work) => void setImmediate(work) });
  const partition: Partition = new Partition({
    vpCount: vcpus,
    memory,
    tscHz,
    apicHz: APIC_HZ,
    ...offered,
    tap: trace,
    port: {
      postMessage: (connectionId, messageType, payload) => vmbus.handlePost(connectionId, messageType, payload),
      signalEvent: (connectionId, flag) => vmbus.handleSignal(connectionId, flag),
      retargetInterrupt: (request) => port.retarget(request),
      assertInterrupt: (vp, vector) => port.raise({ vp, vector }),
      assistPageChanged: (vp, gpa) => port.assistPage(vp, gpa),
      crashed: (report) => port.crashed(report),
      guestOsChanged: (guestOs) => {
        if (guestOs === undefined) {
          vmbus.reset();
        }
        port.guestOs(guestOs);
      },
      elapsedNs: () => process.hrtime.bigint() - created,
    },
  });
  const vmbus: VmbusServer = new VmbusServer({
    memory,
    vpCount: vcpus,
    tap: trace,
    ...(vmbusMaxVersion === undefined ? {} : { maxVersion: vmbusMaxVersion }),
    port: {
      postMessage: (vp, messageType, payload) => {
        if (partition.postMessage(vp, VMBUS_SINT, messageType, payload) === 'refused') {
          // A guest that lets a thousand messages lie doesn't get them from a correct queue any more: VMBus begins anew.
          log.log('warning', 'synic-queue-full', `VP ${vp} does not take its messages: its VMBus connection ends`);
          setImmediate(() => vmbus.reset());
        }
      },
      pendingMessages: () => partition.pendingMessages,
      discardMessages: () => partition.discardMessages(),
      signalEvent: (vp, flag) => void partition.signalEvent(vp, VMBUS_SINT, flag),
      connected: () => port.connected(),
      schedule: (work) => void setImmediate(work),
      log: (entry) => port.log(entry),
    },
  });
  return { partition, vmbus, trace };
}

/** Nanoseconds since 1970, as fine as the monotonic clock, and never going back. */
function wallClockNs(): () => bigint {
  const offset = BigInt(Date.now()) * 1_000_000n - process.hrtime.bigint();
  return () => process.hrtime.bigint() + offset;
}
