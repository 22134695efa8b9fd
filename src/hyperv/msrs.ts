import type { CrashRegisters } from './crash.ts';
import type { HypercallInterface } from './hypercall-page.ts';
import { HypervMsr } from './msr-index.ts';
import type { PageRegister } from './page-register.ts';
import type { Synic } from './synic.ts';
import { SINT_COUNT, SYNIC_VERSION } from './synic-layout.ts';
import { referenceTime, referenceTscPage } from './time.ts';

export type MsrRead = bigint | 'fault';
export type MsrWrite = 'accepted' | 'fault';

/** What a virtual processor has of its own. */
export interface VirtualProcessor {
  readonly index: number;
  readonly synic: Synic;
  /** HV_X64_MSR_VP_ASSIST_PAGE, as it was written. */
  assistPage: bigint;
}

/** What the registers stand for. */
export interface MsrState {
  readonly tscHz: number;
  readonly apicHz: number;
  readonly tscInvariant: boolean;
  readonly hypercalls: HypercallInterface;
  readonly referenceTsc: PageRegister;
  readonly crash: CrashRegisters;
  tscInvariantControl: bigint;
  readonly elapsedNs: () => bigint;
  readonly guestOsIdWritten: () => void;
  readonly assistPageWritten: (vp: number, value: bigint) => void;
  readonly crashNotified: (vp: number, control: bigint) => void;
}

interface Msr {
  /** Absent, or undefined: reading faults. */
  readonly read?: (vp: VirtualProcessor) => bigint | undefined;
  /** Absent: writing faults. False: this value faults. */
  readonly write?: (vp: VirtualProcessor, value: bigint) => boolean;
}

/**
 * The synthetic MSRs of a partition. One that isn't in the table faults, as does one whose feature isn't offered
 * (`feature-bits.ts`): RESET, VP_RUNTIME, the synthetic timers, GUEST_IDLE, reenlightenment and TSC emulation. EOI, ICR and
 * TPR never come here: with `lazyEoi` the kernel serves them, without it they aren't offered and fault. Two exceptions, because Linux 6.1 touches them without looking at the features: VP_ASSIST_PAGE on every
 * CPU it brings up, and REFERENCE_TSC on its way into another kernel.
 */
export class MsrTable {
  readonly #msrs: ReadonlyMap<number, Msr>;

  constructor(state: MsrState) {
    this.#msrs = new Map([...partitionMsrs(state), ...clockMsrs(state), ...crashMsrs(state), ...synicMsrs()]);
  }

  read(vp: VirtualProcessor, index: number): MsrRead {
    return this.#msrs.get(index)?.read?.(vp) ?? 'fault';
  }

  write(vp: VirtualProcessor, index: number, value: bigint): MsrWrite {
    return this.#msrs.get(index)?.write?.(vp, BigInt.asUintN(64, value)) === true ? 'accepted' : 'fault';
  }
}

function partitionMsrs({ hypercalls, guestOsIdWritten, assistPageWritten }: MsrState): [number, Msr][] {
  return [
    [
      HypervMsr.GUEST_OS_ID,
      {
        read: () => hypercalls.guestOsId,
        write: (_vp, value) => {
          hypercalls.writeGuestOsId(value);
          guestOsIdWritten();
          return true;
        },
      },
    ],
    [HypervMsr.HYPERCALL, { read: () => hypercalls.value, write: (_vp, value) => hypercalls.write(value) }],
    [HypervMsr.VP_INDEX, { read: ({ index }) => BigInt(index) }],
    [
      HypervMsr.VP_ASSIST_PAGE,
      {
        read: ({ assistPage }) => assistPage,
        write: (vp, value) => {
          vp.assistPage = value;
          assistPageWritten(vp.index, value);
          return true;
        },
      },
    ],
  ];
}

function clockMsrs(state: MsrState): [number, Msr][] {
  const { referenceTsc, tscInvariant } = state;
  const always: [number, Msr][] = [
    [HypervMsr.TSC_FREQUENCY, { read: () => BigInt(state.tscHz) }],
    [HypervMsr.APIC_FREQUENCY, { read: () => BigInt(state.apicHz) }],
  ];
  if (tscInvariant) {
    return [
      ...always,
      [
        HypervMsr.REFERENCE_TSC,
        {
          read: () => referenceTsc.value,
          // Not offered: it can be disabled, as Linux does unasked, but not enabled.
          write: (_vp, value) => (value & 1n) === 0n && referenceTsc.write(value) !== 'refused',
        },
      ],
      [
        HypervMsr.TSC_INVARIANT_CONTROL,
        {
          read: () => state.tscInvariantControl,
          write: (_vp, value) => {
            if (value > 1n) {
              return false;
            }
            state.tscInvariantControl = value;
            return true;
          },
        },
      ],
    ];
  }
  return [
    ...always,
    [HypervMsr.TIME_REF_COUNT, { read: () => referenceTime(state.elapsedNs()) }],
    [
      HypervMsr.REFERENCE_TSC,
      {
        read: () => referenceTsc.value,
        write: (_vp, value) => {
          const outcome = referenceTsc.write(value);
          if (outcome === 'moved') {
            referenceTsc.page?.bytes.set(referenceTscPage(state.tscHz));
          }
          return outcome !== 'refused';
        },
      },
    ],
  ];
}

function crashMsrs({ crash, crashNotified }: MsrState): [number, Msr][] {
  const parameters = range(HypervMsr.CRASH_P0, HypervMsr.CRASH_P4).map((msr, index): [number, Msr] => [
    msr,
    {
      read: () => crash.parameter(index),
      write: (_vp, value) => {
        crash.writeParameter(index, value);
        return true;
      },
    },
  ]);
  return [
    ...parameters,
    [
      HypervMsr.CRASH_CTL,
      {
        read: () => crash.control,
        write: (vp, value) => {
          crashNotified(vp.index, value);
          return true;
        },
      },
    ],
  ];
}

function synicMsrs(): [number, Msr][] {
  const sints = range(HypervMsr.SINT0, HypervMsr.SINT0 + SINT_COUNT - 1).map((msr, index): [number, Msr] => [
    msr,
    {
      read: ({ synic }) => synic.sint(index),
      write: ({ synic }, value) => synic.writeSint(index, value),
    },
  ]);
  return [
    ...sints,
    [
      HypervMsr.SCONTROL,
      {
        read: ({ synic }) => synic.scontrol,
        write: ({ synic }, value) => {
          synic.writeScontrol(value);
          return true;
        },
      },
    ],
    [HypervMsr.SVERSION, { read: () => SYNIC_VERSION }],
    [HypervMsr.SIEFP, { read: ({ synic }) => synic.siefp, write: ({ synic }, value) => synic.writeSiefp(value) }],
    [HypervMsr.SIMP, { read: ({ synic }) => synic.simp, write: ({ synic }, value) => synic.writeSimp(value) }],
    [
      HypervMsr.EOM,
      {
        write: ({ synic }) => {
          synic.endOfMessage();
          return true;
        },
      },
    ],
  ];
}

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}
