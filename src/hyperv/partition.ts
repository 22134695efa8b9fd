import { MAX_VP_COUNT } from './cpuid.ts';
import { CrashRegisters } from './crash.ts';
import type { OfferedFeatures } from './feature-bits.ts';
import type { GuestMemory } from './guest-memory.ts';
import { decodeGuestOs, type GuestOs } from './guest-os.ts';
import { encodeResult, type HypercallRegisters } from './hypercall-control.ts';
import { type HypercallRecorder, NO_TAP, type Tap } from './hypercall-recorder.ts';
import { HypercallInterface } from './hypercall-page.ts';
import { HypercallStatus } from './hypercall-status.ts';
import { type HypercallContext, runHypercall } from './hypercalls.ts';
import { type MsrRead, type MsrState, MsrTable, type MsrWrite, type VirtualProcessor } from './msrs.ts';
import { PageRegister } from './page-register.ts';
import type { PartitionPort } from './partition-port.ts';
import { Synic } from './synic.ts';
import { SINT_COUNT } from './synic-layout.ts';
import { REFERENCE_TIME_HZ } from './time.ts';

/** The {@link OfferedFeatures} are those that the VPs' CPUID was shaped with. */
export interface PartitionOptions extends OfferedFeatures {
  /** 1 to 64. VP index = APIC id. */
  readonly vpCount: number;
  readonly memory: GuestMemory;
  /** The guest's TSC; above 10 MHz, the rate of reference time. */
  readonly tscHz: number;
  /** The input of the local APIC timer; 1 GHz with KVM's own. */
  readonly apicHz: number;
  readonly port: PartitionPort;
  /** Where hypercalls can be recorded; nowhere by default. */
  readonly tap?: Tap<HypercallRecorder>;
}

/** A copy of a partition's registers, for tests and for people. */
export interface PartitionState {
  readonly guestOs: GuestOs | undefined;
  readonly hypercallMsr: bigint;
  readonly referenceTscMsr: bigint;
  readonly tscInvariantControl: bigint;
  readonly vps: readonly VpState[];
}

export interface VpState {
  readonly assistPage: bigint;
  readonly scontrol: bigint;
  readonly simp: bigint;
  readonly siefp: bigint;
  readonly sints: readonly bigint[];
  readonly pendingMessages: number;
}

/**
 * The contract between one guest and its hypervisor, apart from CPUID: MSRs, hypercalls and the SynICs of all virtual
 * processors. A state machine: it acts through its port and in guest memory, and only when it is called. No guest input
 * makes it throw; a VP that doesn't exist, or an impossible message of the host's, is a mistake of the caller and does.
 */
export class Partition {
  readonly #port: PartitionPort;
  readonly #hypercalls: HypercallContext;
  readonly #vps: readonly VirtualProcessor[];
  readonly #state: MsrState;
  readonly #msrs: MsrTable;

  /** @throws RangeError for a count or a rate that no machine has. */
  constructor(options: PartitionOptions) {
    const { vpCount, memory, tscHz, apicHz, tscInvariant, lazyEoi, port, tap = NO_TAP } = options;
    if (!Number.isInteger(vpCount) || vpCount < 1 || vpCount > MAX_VP_COUNT) {
      throw new RangeError(`a partition has 1 to ${MAX_VP_COUNT} virtual processors, not ${vpCount}`);
    }
    if (!Number.isSafeInteger(tscHz) || tscHz <= REFERENCE_TIME_HZ) {
      throw new RangeError(`the TSC must run faster than ${REFERENCE_TIME_HZ} Hz, not at ${tscHz}`);
    }
    if (!Number.isSafeInteger(apicHz) || apicHz <= 0) {
      throw new RangeError(`the APIC timer can't run at ${apicHz} Hz`);
    }
    this.#port = port;
    this.#hypercalls = { memory, vpCount, handlers: port, tap };
    this.#vps = Array.from({ length: vpCount }, (_, index) => ({
      index,
      synic: new Synic(memory, (vector) => port.assertInterrupt(index, vector)),
      assistPage: 0n,
    }));
    this.#state = {
      tscHz,
      apicHz,
      tscInvariant,
      hypercalls: new HypercallInterface(memory),
      referenceTsc: new PageRegister(memory),
      crash: new CrashRegisters(memory),
      tscInvariantControl: 0n,
      elapsedNs: () => port.elapsedNs(),
      assistPageWritten: (vp, value) => {
        if (lazyEoi) port.assistPageChanged(vp, assistPageIn(memory, value));
      },
      guestOsIdWritten: () => port.guestOsChanged(decodeGuestOs(this.#state.hypercalls.guestOsId)),
      crashNotified: (vp, control) => this.#crashNotified(vp, control),
    };
    this.#msrs = new MsrTable(this.#state);
  }

  /** RDMSR of one of `MSR_FILTER_RANGE`; `fault` is #GP. */
  readMsr(vp: number, index: number): MsrRead {
    return this.#msrs.read(this.#vp(vp), index);
  }

  /** WRMSR of one of `MSR_FILTER_RANGE`; `fault` is #GP. */
  writeMsr(vp: number, index: number, value: bigint): MsrWrite {
    return this.#msrs.write(this.#vp(vp), index, value);
  }

  /** Whether an OUT to `HYPERCALL_PORT` is a hypercall; otherwise the port has nothing behind it. */
  get hypercallsEnabled(): boolean {
    return this.#state.hypercalls.enabled;
  }

  /** A hypercall by `vp`. Returns RAX. */
  hypercall(vp: number, registers: HypercallRegisters): bigint {
    this.#vp(vp);
    if (!this.hypercallsEnabled) {
      return encodeResult(HypercallStatus.OPERATION_DENIED);
    }
    return runHypercall(vp, registers, this.#hypercalls);
  }

  /**
   * Sends a message to SINT `sint` of `vp`, at once or as soon as the guest can take it. Refused: there is no such VP or
   * SINT, or `MAX_QUEUED_MESSAGES` wait there already.
   *
   * @throws RangeError for a payload above 240 bytes, or the type 0.
   */
  postMessage(vp: number, sint: number, messageType: number, payload: Uint8Array): 'queued' | 'refused' {
    return this.#vps[vp]?.synic.postMessage(sint, messageType, payload) ?? 'refused';
  }

  /**
   * Sets event flag `flag` of SINT `sint` of `vp`. Held: as soon as the guest can take it. Refused: there is no such VP,
   * SINT or flag.
   */
  signalEvent(vp: number, sint: number, flag: number): 'signalled' | 'held' | 'refused' {
    return this.#vps[vp]?.synic.signalEvent(sint, flag) ?? 'refused';
  }

  /** Messages posted that haven't reached a slot yet, of all VPs. */
  get pendingMessages(): number {
    return this.#vps.reduce((sum, { synic }) => sum + synic.pendingMessages, 0);
  }

  /** Forgets those, and the flags that are held: a restarted guest must not get its forerunner's post. */
  discardMessages(): void {
    for (const { synic } of this.#vps) {
      synic.discardPending();
    }
  }

  /** The machine has been reset: every register has its reset value, nothing waits. The port hears nothing of it. */
  reset(): void {
    const state = this.#state;
    state.hypercalls.reset();
    state.referenceTsc.reset();
    state.crash.reset();
    state.tscInvariantControl = 0n;
    for (const vp of this.#vps) {
      vp.synic.reset();
      vp.assistPage = 0n;
    }
  }

  state(): PartitionState {
    const { hypercalls, referenceTsc, tscInvariantControl } = this.#state;
    return {
      guestOs: decodeGuestOs(hypercalls.guestOsId),
      hypercallMsr: hypercalls.value,
      referenceTscMsr: referenceTsc.value,
      tscInvariantControl,
      vps: this.#vps.map(({ synic, assistPage }) => ({
        assistPage,
        scontrol: synic.scontrol,
        simp: synic.simp,
        siefp: synic.siefp,
        sints: Array.from({ length: SINT_COUNT }, (_, index) => synic.sint(index) ?? 0n),
        pendingMessages: synic.pendingMessages,
      })),
    };
  }

  #vp(index: number): VirtualProcessor {
    const vp = this.#vps[index];
    if (vp === undefined) {
      throw new RangeError(`there is no virtual processor ${index} among ${this.#vps.length}`);
    }
    return vp;
  }

  #crashNotified(vp: number, control: bigint): void {
    const report = this.#state.crash.notify(vp, control);
    if (report !== undefined) {
      this.#port.crashed(report);
    }
  }
}

/** Where a VP assist page is; undefined: it is off, or in no RAM. TLFS "Virtual Processor Assist Page": bit 0 enable, 63:12 page number. */
function assistPageIn(memory: GuestMemory, value: bigint): bigint | undefined {
  const enabled = (value & 1n) === 1n && memory.page(Number(value >> 12n)) !== undefined;
  return enabled ? value & ~0xfffn : undefined;
}
