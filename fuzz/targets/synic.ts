import { HypercallStatus, HypervMsr, MSR_FILTER_RANGE, Partition, type PartitionPort } from '../../src/hyperv/index.ts';
import { MAX_CRASH_MESSAGE_BYTES, MAX_CRASH_REPORTS } from '../../src/hyperv/crash.ts';
import { MAX_QUEUED_MESSAGES } from '../../src/hyperv/synic.ts';
import { SLOT_WORDS } from '../../src/hyperv/synic-layout.ts';
import { HostileMemory } from '../doubles/hostile-memory.ts';
import type { Choices } from '../engine/choices.ts';
import type { Probe } from '../engine/probe.ts';
import type { Run, Target } from '../engine/target.ts';

const PAGES = 6;
const PAGE_BYTES = 4096;
/** No register may name it in these runs, so nothing may be written there. */
const CRASH_TEXT_PAGE = 0;
const KNOWN: readonly number[] = Object.values(HypervMsr);
const NAMING: ReadonlySet<number> = new Set([
  HypervMsr.HYPERCALL,
  HypervMsr.SIMP,
  HypervMsr.SIEFP,
  HypervMsr.REFERENCE_TSC,
]);

/** Those on which most depends. */
const USUAL = [
  HypervMsr.SIMP,
  HypervMsr.SIEFP,
  HypervMsr.SCONTROL,
  HypervMsr.EOM,
  HypervMsr.SINT0 + 2,
  HypervMsr.GUEST_OS_ID,
  HypervMsr.HYPERCALL,
  HypervMsr.REFERENCE_TSC,
] as const;
/** Registers that read otherwise than they were written, or not at all. */
const READS_OTHERWISE: ReadonlySet<number> = new Set([HypervMsr.HYPERCALL, HypervMsr.EOM, HypervMsr.CRASH_CTL]);

const memory = new HostileMemory(PAGES);

/** The synthetic MSRs, and message and event flag pages that the guest writes while the host delivers. */
export const synic: Target = {
  name: 'synic',
  title: 'synthetic MSRs, and SynIC pages that the guest writes while messages and event flags are delivered',
  setupBytes: 4,
  operationBytes: 40,
  mostOperations: 120,
  workLimit: 400,
  mostBetweenLooks: 60_000,
  begin: (setup, probe) => new SynicRun(setup, probe),
};

class SynicRun implements Run {
  readonly #probe: Probe;
  readonly #vpCount: number;
  readonly #lazyEoi: boolean;
  readonly #partition: Partition;
  /** Pages that a register has named, and so may be written. */
  readonly #named = new Set<number>();
  #posted = 0;
  #delivered = 0;
  #crashes = 0;

  constructor(setup: Choices, probe: Probe) {
    this.#probe = probe;
    this.#vpCount = setup.pick([2, 1, 3] as const);
    this.#lazyEoi = setup.chance(96);
    const tscInvariant = !setup.chance(96);
    memory.renew(probe);
    this.#partition = new Partition({
      vpCount: this.#vpCount,
      memory,
      tscHz: 2_500_000_000,
      apicHz: 1_000_000_000,
      tscInvariant,
      lazyEoi: this.#lazyEoi,
      port: this.#port(),
    });
    // A message reaches its slot when the type is stored, and nothing else stores a type.
    memory.watcher = {
      stored: (gpa, value) => {
        if (value !== 0 && (gpa >>> 2) % SLOT_WORDS === 0 && this.#isMessagePage(gpa)) this.#delivered += 1;
      },
    };
    if (setup.chance(64)) return;
    for (let vp = 0; vp < this.#vpCount; vp += 1) this.#start(vp);
  }

  operate(choices: Choices): void {
    const vp = choices.below(this.#vpCount);
    memory.calm();
    if (choices.chance(128)) memory.arm(choices);
    switch (choices.below(9)) {
      case 0:
        this.#read(vp, msrOf(choices));
        break;
      case 1:
      case 2:
      case 3:
        if (choices.chance(12)) this.#write(vp, HypervMsr.GUEST_OS_ID, guestOsId(choices));
        else this.#write(vp, msrOf(choices), valueOf(choices));
        break;
      case 4:
        this.#post(choices, vp);
        break;
      case 5: {
        const flag = choices.chance(16) ? choices.word() : choices.below(2049);
        const outcome = this.#partition.signalEvent(vp, choices.below(18), flag);
        this.#probe.note(4, outcome.length);
        break;
      }
      case 6:
        this.#scribble(choices);
        break;
      case 7:
        this.#freeSlots(vp, choices);
        break;
      default:
        this.#rarely(choices);
    }
    memory.calm();
    this.#check();
  }

  finish(): void {
    for (let gpn = 0; gpn < PAGES; gpn += 1) {
      if (this.#named.has(gpn) || gpn !== CRASH_TEXT_PAGE) continue;
      const page = memory.bytes.subarray(gpn * PAGE_BYTES + PAGE_BYTES / 2, (gpn + 1) * PAGE_BYTES);
      this.#probe.check(
        page.every((byte) => byte === 0),
        () => `page ${gpn}, which no register named, was written`,
      );
    }
  }

  #start(vp: number): void {
    this.#write(vp, HypervMsr.SIMP, BigInt((1 + vp) * PAGE_BYTES) | 1n);
    this.#write(vp, HypervMsr.SIEFP, BigInt(4 * PAGE_BYTES) | 1n);
    this.#write(vp, HypervMsr.SINT0 + 2, 0xf3n);
    this.#write(vp, HypervMsr.SCONTROL, 1n);
  }

  #read(vp: number, msr: number): void {
    const value = this.#partition.readMsr(vp, msr);
    this.#probe.check(value === 'fault' || (value >= 0n && value < 1n << 64n), () => `MSR ${msr} reads ${value}`);
    this.#probe.note(1, (KNOWN.indexOf(msr) << 1) | (value === 'fault' ? 1 : 0));
  }

  #write(vp: number, msr: number, value: bigint): void {
    if (NAMING.has(msr) && Number(value >> 12n) === CRASH_TEXT_PAGE) return;
    const before = this.#partition.readMsr(vp, msr);
    const outcome = this.#partition.writeMsr(vp, msr, value);
    const after = this.#partition.readMsr(vp, msr);
    // What is accepted is what reads back; what faults changes nothing.
    if (outcome === 'fault') this.#probe.check(before === after, () => `MSR ${msr} changed by a write that faulted`);
    else if (!READS_OTHERWISE.has(msr))
      this.#probe.check(after === value, () => `MSR ${msr} took ${value} and reads ${after}`);
    this.#probe.note(2, (KNOWN.indexOf(msr) << 1) | (outcome === 'fault' ? 1 : 0));
    const now = NAMING.has(msr) ? this.#partition.readMsr(vp, msr) : 0n;
    if (now === 'fault' || (now & 1n) === 0n) return;
    this.#probe.check(
      now >> 12n < BigInt(PAGES),
      () => `MSR ${msr} is enabled with a page that is no RAM: 0x${now.toString(16)}`,
    );
    this.#named.add(Number(now >> 12n));
  }

  #post(choices: Choices, vp: number): void {
    const times = choices.chance(4) ? 200 : 1;
    const sint = choices.chance(64) ? choices.below(18) : 2;
    const payload = choices.bytes(choices.below(241));
    for (let i = 0; i < times; i += 1) {
      this.#probe.work = 0;
      const outcome = this.#partition.postMessage(vp, sint, 1 + choices.below(4), payload);
      if (outcome === 'queued') this.#posted += 1;
      this.#probe.note(3, outcome.length);
    }
  }

  #scribble(choices: Choices): void {
    const gpn = 1 + choices.below(PAGES - 1);
    const word = choices.chance(128) ? SLOT_WORDS * choices.below(16) + choices.below(2) : choices.below(1024);
    memory.pokeWord(gpn * PAGE_BYTES + word * 4, choices.word());
  }

  /** As a guest that has taken its messages; with or without the EOM that it owes. */
  #freeSlots(vp: number, choices: Choices): void {
    for (let sint = 0; sint < 16; sint += 1) memory.pokeWord((1 + vp) * PAGE_BYTES + sint * SLOT_WORDS * 4, 0);
    if (!choices.chance(64)) this.#write(vp, HypervMsr.EOM, 0n);
  }

  #rarely(choices: Choices): void {
    switch (choices.below(6)) {
      case 0:
        this.#partition.discardMessages();
        this.#posted = this.#delivered;
        break;
      case 1:
        if (choices.chance(64)) {
          this.#partition.reset();
          this.#posted = this.#delivered;
          this.#crashes = 0;
        }
        break;
      default: {
        // A crash report with a text of any bytes.
        memory.bytes.set(choices.bytes(24), 16);
        this.#write(0, HypervMsr.CRASH_P0 + 3, choices.chance(32) ? choices.long() : 16n);
        this.#write(0, HypervMsr.CRASH_P0 + 4, choices.chance(32) ? choices.long() : BigInt(choices.below(64)));
        this.#write(0, HypervMsr.CRASH_CTL, choices.chance(32) ? choices.long() : 3n << 62n);
      }
    }
  }

  #check(): void {
    const nameless = this.#partition.state().guestOs === undefined;
    this.#probe.check(!nameless || !this.#partition.hypercallsEnabled, 'a guest without a name has hypercalls');
    const waiting = this.#partition.pendingMessages;
    this.#probe.check(waiting <= this.#vpCount * 16 * MAX_QUEUED_MESSAGES, () => `${waiting} messages wait`);
    this.#probe.check(
      waiting === this.#posted - this.#delivered,
      () => `${this.#posted} messages were taken and ${this.#delivered} delivered, but ${waiting} wait`,
    );
    this.#probe.check(this.#crashes <= MAX_CRASH_REPORTS, () => `${this.#crashes} crash reports`);
    this.#probe.note(5, Math.min(waiting, 40));
  }

  #isMessagePage(gpa: number): boolean {
    const gpn = BigInt(Math.floor(gpa / PAGE_BYTES));
    return this.#partition.state().vps.some(({ simp }) => (simp & 1n) === 1n && simp >> 12n === gpn);
  }

  #port(): PartitionPort {
    const refused = (): HypercallStatus => this.#probe.fail('a write to an MSR made a hypercall');
    return {
      postMessage: refused,
      signalEvent: refused,
      retargetInterrupt: refused,
      assertInterrupt: (vp, vector) => {
        this.#probe.step();
        this.#probe.check(vp >= 0 && vp < this.#vpCount, () => `an interrupt for VP ${vp}`);
        this.#probe.check(vector >= 16 && vector <= 255, () => `interrupt vector ${vector}`);
      },
      crashed: ({ message = '', parameters }) => {
        this.#crashes += 1;
        this.#probe.check(
          message.length <= MAX_CRASH_MESSAGE_BYTES,
          () => `a crash message of ${message.length} characters`,
        );
        this.#probe.check(!/[^\P{C}\n\t\ufffd]/u.test(message), 'a crash message that steers a terminal');
        this.#probe.check(parameters.length === 5, 'a crash report of other than five parameters');
        this.#probe.note(6, Math.min(message.length, 64));
      },
      guestOsChanged: (guestOs) => this.#probe.note(7, guestOs === undefined ? 0 : guestOs.name.length),
      assistPageChanged: (vp, gpa) => {
        this.#probe.check(this.#lazyEoi && vp < this.#vpCount, 'an assist page that nobody asked for');
        this.#probe.check(
          gpa === undefined || memory.contains(Number(gpa), PAGE_BYTES),
          () => `an assist page at ${gpa}, where no RAM is`,
        );
      },
      elapsedNs: () => 12_345n,
    };
  }
}

function msrOf(choices: Choices): number {
  if (choices.chance(12)) return choices.u32();
  if (choices.chance(12)) return MSR_FILTER_RANGE.base + choices.below(MSR_FILTER_RANGE.count);
  if (choices.chance(64)) return HypervMsr.SINT0 + choices.below(16);
  if (choices.chance(128)) {
    return choices.pick(USUAL);
  }
  return choices.pick(KNOWN) ?? HypervMsr.SCONTROL;
}

/** Who a guest may say that it is: open source or not, by vendor, system and version. */
function guestOsId(choices: Choices): bigint {
  const system = BigInt(choices.below(7));
  const versions = BigInt(choices.u32());
  if (choices.chance(128)) return (1n << 63n) | (system << 56n) | (versions << 16n);
  return (BigInt(choices.below(3)) << 48n) | (system << 40n) | versions;
}

function valueOf(choices: Choices): bigint {
  switch (choices.below(4)) {
    case 0:
      return (BigInt(1 + choices.below(PAGES)) << 12n) | 1n;
    case 1:
      return choices.pick([1n, 0n, 0xf3n, 0x1_00f3n, 0x4_00f3n, 0xfn, 0x1_0000n, 1n << 63n, 3n << 62n] as const);
    case 2:
      return (BigInt(choices.below(0x4000)) << 12n) | BigInt(choices.below(2));
    default:
      return choices.long();
  }
}
