import { HYPERCALL_PORT, type Partition } from '../hyperv/index.ts';
import { ExitReason, exitReasonName, type KvmRunPage, SyncRegs } from '../linux/index.ts';
import { type PowerEvent, powerWrite } from './devices/index.ts';
import type { MachineEnd } from './machine-end.ts';
import type { AddressMap } from './memory/address-map.ts';
import { HWCR } from './vcpu/create-vcpus.ts';

/** What exits lead to. */
export interface ExitHandling {
  readonly partition: Partition;
  readonly addresses: AddressMap;
  /** The one MSR of real hardware that leaves the kernel. */
  readHwcr(vcpu: number): bigint;
  end(end: MachineEnd): void;
}

const SYSTEM_EVENT_RESET = 2;
/** The hypercall page's OUT is 4 bytes wide; anything else on its port is not a hypercall. */
const HYPERCALL_ACCESS_BYTES = 4;

/** Finishes, on the device thread, the exit that a vCPU's run page holds. */
export function serveExit(vcpu: number, page: KvmRunPage, handling: ExitHandling): void {
  switch (page.exitReason) {
    case ExitReason.io:
      serveIo(vcpu, page, handling);
      break;
    case ExitReason.mmio:
      serveMmio(page, handling.addresses);
      break;
    case ExitReason.readMsr: {
      const value = page.msrIndex === HWCR ? handling.readHwcr(vcpu) : handling.partition.readMsr(vcpu, page.msrIndex);
      page.msrFault = value === 'fault';
      page.msrData = value === 'fault' ? 0n : value;
      break;
    }
    case ExitReason.writeMsr:
      page.msrFault = handling.partition.writeMsr(vcpu, page.msrIndex, page.msrData) === 'fault';
      break;
    case ExitReason.shutdown:
      handling.end({ kind: 'triple-fault', vcpu, rip: page.reg('rip') });
      break;
    case ExitReason.systemEvent:
      handling.end({ kind: page.systemEventType === SYSTEM_EVENT_RESET ? 'reset' : 'power-off' });
      break;
    default:
      handling.end({ kind: 'kvm-failure', vcpu, detail: describeFailure(page) });
  }
}

function serveIo(vcpu: number, page: KvmRunPage, handling: ExitHandling): void {
  if (page.ioPort === HYPERCALL_PORT) {
    if (page.ioSizeBytes !== HYPERCALL_ACCESS_BYTES || page.ioCount !== 1 || !handling.partition.hypercallsEnabled) {
      return;
    }
    const result = handling.partition.hypercall(vcpu, {
      control: page.reg('rcx'),
      input: page.reg('rdx'),
      output: page.reg('r8'),
    });
    page.setReg('rax', result);
    page.loadOnEntry = SyncRegs.regs;
    return;
  }
  for (let access = 0; access < page.ioCount; access++) {
    const event: PowerEvent | undefined = powerWrite(page.ioPort, page.ioSizeBytes, page.ioValue(access));
    if (event !== undefined) {
      handling.end({ kind: event });
      return;
    }
  }
}

function serveMmio(page: KvmRunPage, addresses: AddressMap): void {
  if (page.mmioIsWrite) {
    addresses.write(page.mmioGpa, page.mmioSizeBytes, page.mmioValue64);
  } else {
    page.mmioValue64 = addresses.read(page.mmioGpa, page.mmioSizeBytes);
  }
}

function describeFailure(page: KvmRunPage): string {
  const rip = `RIP 0x${page.reg('rip').toString(16)}`;
  switch (page.exitReason) {
    case ExitReason.internalError: {
      const data = page.internalErrorData.map((word) => `0x${word.toString(16)}`).join(' ');
      return `internal error, suberror ${page.internalSubError} at ${rip}; data ${data}`;
    }
    case ExitReason.failEntry:
      return `the processor refused to enter the guest, reason 0x${page.failEntryReason.toString(16)}`;
    case ExitReason.unknown:
      return `hardware exit reason 0x${page.hardwareExitReason.toString(16)} at ${rip}`;
    default:
      return `${exitReasonName(page.exitReason)} at ${rip}`;
  }
}
