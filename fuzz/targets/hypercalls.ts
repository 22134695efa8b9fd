import {
  HypercallStatus,
  HypervMsr,
  type PartitionPort,
  Partition,
  type RetargetRequest,
} from '../../src/hyperv/index.ts';
import { RETARGET_INPUT_WITH_SET } from '../../src/hyperv/hypercall-inputs.ts';
import { HostileMemory } from '../doubles/hostile-memory.ts';
import type { Choices } from '../engine/choices.ts';
import type { Probe } from '../engine/probe.ts';
import type { Run, Target } from '../engine/target.ts';

const PAGES = 4;
const STATUSES: ReadonlySet<bigint> = new Set(Object.values(HypercallStatus).map(BigInt));
/** Inputs lie in the pages before. */
const HYPERCALL_PAGE = 0x3001n;
const CODES = [0x5c, 0x5d, 0x7e] as const;

const FIELDS = RETARGET_INPUT_WITH_SET.fields;

const memory = new HostileMemory(PAGES);

/** A decoded call as it left the partition. */
type Passed =
  | { readonly code: 0x5c; readonly connectionId: number; readonly messageType: number; readonly payload: Uint8Array }
  | { readonly code: 0x5d; readonly connectionId: number; readonly flag: number }
  | { readonly code: 0x7e; readonly request: RetargetRequest };

/** Hypercalls with their input in registers and in memory that changes meanwhile. */
export const hypercalls: Target = {
  name: 'hypercalls',
  title: 'hypercall inputs: every code, fast and from memory, with and without repetitions and variable headers',
  setupBytes: 4,
  operationBytes: 160,
  mostOperations: 200,
  workLimit: 64,
  mostBetweenLooks: 60_000,
  begin: (setup, probe) => new HypercallRun(setup, probe),
};

class HypercallRun implements Run {
  readonly #probe: Probe;
  readonly #vpCount: number;
  readonly #partition: Partition;
  #answer: HypercallStatus = HypercallStatus.SUCCESS;
  #passed: Passed[] = [];
  #read: { readonly gpa: number; readonly bytes: Uint8Array }[] = [];

  constructor(setup: Choices, probe: Probe) {
    this.#probe = probe;
    this.#vpCount = setup.chance(12) ? 64 : 1 + setup.below(3);
    const tscInvariant = !setup.chance(64);
    memory.renew(probe);
    this.#partition = new Partition({
      vpCount: this.#vpCount,
      memory,
      tscHz: 2_500_000_000,
      apicHz: 1_000_000_000,
      tscInvariant,
      lazyEoi: false,
      port: this.#port(),
    });
    if (setup.chance(16)) return;
    this.#partition.writeMsr(0, HypervMsr.GUEST_OS_ID, 1n << 63n);
    this.#partition.writeMsr(0, HypervMsr.HYPERCALL, HYPERCALL_PAGE);
  }

  operate(choices: Choices): void {
    if (choices.chance(6)) {
      const value = choices.pick([HYPERCALL_PAGE, 0n, HYPERCALL_PAGE | 2n, 0x5001n] as const);
      this.#partition.writeMsr(0, choices.chance(128) ? HypervMsr.GUEST_OS_ID : HypervMsr.HYPERCALL, value);
      return;
    }
    const code = choices.chance(16) ? choices.u16() : choices.pick(CODES);
    const size = inputBytes(code);
    const gpa = choices.chance(32)
      ? choices.pick([0xff0, 0xf00, 0xf08, 0x1004, 0x3000, 0x3ff8] as const)
      : 0x400 * choices.below(8);
    const units = code === 0x7e ? this.#putRetarget(choices, gpa) : putBytes(choices, gpa, size, code);
    const fast = choices.chance(code === 0x5d ? 128 : 24);
    const input = fast ? fastInput(choices, code) : choices.chance(12) ? choices.long() : BigInt(gpa);
    let control = BigInt(code) | (fast ? 1n << 16n : 0n) | (BigInt(units) << 17n);
    if (choices.chance(24)) control |= BigInt(choices.below(0x1000)) << (choices.chance(128) ? 32n : 48n);
    if (choices.chance(12)) control ^= 1n << BigInt(choices.below(64));
    this.#answer = choices.chance(32) ? HypercallStatus.INSUFFICIENT_BUFFERS : HypercallStatus.SUCCESS;
    this.#call(choices, { control, input, output: choices.chance(128) ? choices.long() : 0n });
  }

  finish(): void {
    // The hypercall page alone was named by a register, so the host may have written there and nowhere else.
    this.#probe.check(this.#partition.pendingMessages === 0, 'a hypercall left a message behind');
  }

  #call(
    choices: Choices,
    registers: { readonly control: bigint; readonly input: bigint; readonly output: bigint },
  ): void {
    this.#passed = [];
    this.#read = [];
    memory.watcher = { read: (gpa, sizeBytes) => this.#watch(gpa, sizeBytes) };
    memory.arm(choices);
    const enabled = this.#partition.hypercallsEnabled;
    const rax = this.#partition.hypercall(choices.below(this.#vpCount), registers);
    memory.calm();
    memory.watcher = {};
    this.#probe.check(STATUSES.has(rax), () => `RAX ${rax} is no status`);
    const isFast = (registers.control & 0x1_0000n) !== 0n;
    this.#probe.check(!isFast || this.#read.length === 0, 'a fast hypercall read memory');
    this.#probe.check(this.#passed.length <= 1, 'one hypercall was passed on twice');
    const [passed] = this.#passed;
    const code = Number(registers.control & 0xffffn);
    const known = CODES.findIndex((each) => each === code);
    this.#probe.note(known + 1, Number(rax) + (isFast ? 0x100 : 0));
    if (passed === undefined) {
      this.#probe.check(rax !== 0n, 'a hypercall succeeded and did nothing');
      return;
    }
    this.#probe.check(enabled, 'a hypercall went through while the page is disabled');
    // No call repeats, and all other bits above the variable header are reserved.
    this.#probe.check(registers.control >> 27n === 0n, 'a hypercall went through with a control word that none has');
    const units = Number((registers.control >> 17n) & 0x3ffn);
    this.#probe.check(
      units === 0 || passed.code === 0x7e,
      () => `call ${passed.code} went through with a variable header`,
    );
    this.#probe.check(rax === BigInt(this.#answer), () => `RAX ${rax} hides the answer ${this.#answer}`);
    this.#probe.check(passed.code === code, () => `call ${code} was taken for ${passed.code}`);
    if (isFast) this.#compareFast(passed, registers.input);
    else this.#compareCopied(passed);
  }

  /** Each byte of the input is fetched once: a second look would see what the guest has put there meanwhile. */
  #watch(gpa: number, sizeBytes: number): void {
    for (const { gpa: from, bytes } of this.#read) {
      this.#probe.check(
        gpa >= from + bytes.length || gpa + sizeBytes <= from,
        () => `input at 0x${gpa.toString(16)} was read twice`,
      );
    }
    this.#read.push({ gpa, bytes: memory.bytes.slice(gpa, gpa + sizeBytes) });
  }

  #compareFast(passed: Passed, input: bigint): void {
    if (passed.code !== 0x5d) return this.#probe.fail(`call ${passed.code} takes no fast input`);
    this.#probe.check(BigInt(passed.connectionId) === (input & 0xffff_ffffn), 'the connection is another one');
    this.#probe.check(BigInt(passed.flag) === ((input >> 32n) & 0xffffn), 'the flag is another one');
  }

  /** What was passed on is what lay in memory when it was fetched. */
  #compareCopied(passed: Passed): void {
    const [copy] = this.#read;
    if (copy === undefined) return this.#probe.fail('input came from nowhere');
    const view = new DataView(copy.bytes.buffer);
    const equal = (a: number, b: number, what: string): void =>
      this.#probe.check(a === b, () => `${what} is ${a}, and ${b} lay in memory when it was read`);
    switch (passed.code) {
      case 0x5c:
        equal(passed.connectionId, view.getUint32(0, true), 'the connection');
        equal(passed.messageType, view.getUint32(8, true), 'the message type');
        equal(passed.payload.length, view.getUint32(12, true), 'the size');
        this.#probe.check(
          Buffer.compare(passed.payload, copy.bytes.subarray(16, 16 + passed.payload.length)) === 0,
          'the payload is not what was read',
        );
        return;
      case 0x5d:
        equal(passed.connectionId, view.getUint32(0, true), 'the connection');
        equal(passed.flag, view.getUint16(4, true), 'the flag');
        return;
      case 0x7e:
        equal(passed.request.vector, view.getUint32(FIELDS.vector.offset, true), 'the vector');
        equal(passed.request.message.data, view.getUint32(FIELDS.data.offset, true), 'the data');
        equal(passed.request.deviceId, view.getUint32(FIELDS.deviceId.offset, true), 'the device');
    }
  }

  /** HV_RETARGET_INTERRUPT by its layout, with a processor set or without. Gives the units of variable header that it has. */
  #putRetarget(choices: Choices, gpa: number): number {
    const bytes = new Uint8Array(RETARGET_INPUT_WITH_SET.sizeBytes + 64 * 8);
    const view = new DataView(bytes.buffer);
    view.setBigUint64(FIELDS.partitionId.offset, choices.chance(8) ? choices.long() : -1n, true);
    view.setBigUint64(FIELDS.deviceId.offset, choices.chance(16) ? choices.long() : BigInt(choices.u32()), true);
    view.setUint32(FIELDS.source.offset, choices.chance(8) ? choices.word() : 1, true);
    view.setUint32(FIELDS.addressLow.offset, choices.u32(), true);
    view.setUint32(FIELDS.data.offset, choices.word(), true);
    view.setUint32(FIELDS.vector.offset, choices.chance(24) ? choices.word() : 16 + choices.below(240), true);
    const withSet = choices.chance(160);
    const flags = choices.chance(8) ? choices.word() : (withSet ? 2 : 0) | (choices.chance(64) ? 1 : 0);
    view.setUint32(FIELDS.flags.offset, flags, true);
    if (!withSet) {
      view.setBigUint64(
        FIELDS.vpMask.offset,
        choices.chance(64) ? choices.long() : 1n << BigInt(choices.below(this.#vpCount)),
        true,
      );
      memory.poke(gpa, bytes.subarray(0, 56));
      return choices.chance(16) ? choices.below(8) : 0;
    }
    view.setBigUint64(FIELDS.vpMask.offset, choices.chance(24) ? choices.long() : choices.chance(64) ? 1n : 0n, true);
    const mask = choices.chance(128) ? choices.long() : 1n;
    view.setBigUint64(FIELDS.validBankMask.offset, mask, true);
    let banks = 0;
    for (let bit = 0n; bit < 64n; bit += 1n) {
      if (((mask >> bit) & 1n) === 0n) continue;
      const few = choices.chance(200) ? 0n : choices.long();
      view.setBigUint64(
        RETARGET_INPUT_WITH_SET.sizeBytes + banks * 8,
        bit === 0n ? 1n << BigInt(choices.below(this.#vpCount)) : few,
        true,
      );
      banks += 1;
    }
    memory.poke(gpa, bytes.subarray(0, RETARGET_INPUT_WITH_SET.sizeBytes + banks * 8));
    return choices.chance(24) ? choices.below(70) : 1 + banks;
  }

  #port(): PartitionPort {
    return {
      postMessage: (connectionId, messageType, payload) => {
        this.#passed.push({ code: 0x5c, connectionId, messageType, payload });
        this.#probe.check(payload.byteLength <= 240, () => `a message of ${payload.byteLength} bytes`);
        this.#probe.check(messageType > 0 && messageType < 0x8000_0000, () => `message type ${messageType}`);
        return this.#answer;
      },
      signalEvent: (connectionId, flag) => {
        this.#passed.push({ code: 0x5d, connectionId, flag });
        this.#probe.check(flag < 2048, () => `event flag ${flag}`);
        return this.#answer;
      },
      retargetInterrupt: (request) => {
        this.#passed.push({ code: 0x7e, request });
        const { vps, vector, deviceId } = request;
        this.#probe.check(vps.length > 0 && vps.length <= this.#vpCount, () => `${vps.length} VPs`);
        this.#probe.check(
          vps.every((vp, i) => vp >= 0 && vp < this.#vpCount && (i === 0 || vp > (vps[i - 1] ?? vp))),
          () => `VPs ${vps.join(' ')}`,
        );
        this.#probe.check(vector >= 16 && vector <= 255, () => `vector ${vector}`);
        this.#probe.check(deviceId >= 0 && deviceId <= 0xffff_ffff, () => `device ${deviceId}`);
        return this.#answer;
      },
      assertInterrupt: () => this.#probe.fail('a hypercall raised an interrupt by itself'),
      crashed: () => this.#probe.fail('a hypercall reported a crash'),
      guestOsChanged: () => undefined,
      assistPageChanged: () => this.#probe.fail('no assist page was offered'),
      elapsedNs: () => 0n,
    };
  }
}

function inputBytes(code: number): number {
  return code === 0x5c ? 256 : 8;
}

/** Input of the other calls by their layouts. Gives the units of variable header. */
function putBytes(choices: Choices, gpa: number, size: number, code: number): number {
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, choices.word(), true);
  if (code === 0x5c) {
    view.setUint32(8, choices.chance(24) ? choices.word() : 1, true);
    const payload = choices.chance(24) ? choices.word() : choices.below(245);
    view.setUint32(12, payload, true);
    bytes.set(choices.bytes(Math.min(24, payload)), 16);
  } else {
    view.setUint16(4, choices.chance(64) ? choices.u16() : choices.below(2048), true);
  }
  memory.poke(gpa, bytes);
  return choices.chance(12) ? choices.word() & 0x3ff : 0;
}

function fastInput(choices: Choices, code: number): bigint {
  if (code !== 0x5d || choices.chance(32)) return choices.u64();
  return BigInt(choices.word()) | (BigInt(choices.chance(32) ? choices.u16() : choices.below(2048)) << 32n);
}
