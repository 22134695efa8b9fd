import { constants } from 'node:os';
import {
  ARCHITECTURE_X86_64,
  BpfCode,
  type BpfInstruction,
  MAX_INSTRUCTIONS,
  SeccompAction,
  SeccompData,
} from './bpf.ts';
import { SystemCall, type SystemCallName } from './system-call-numbers.ts';

export type ErrnoName = keyof typeof constants.errno;

/**
 * One argument of a system call, of which the kernel reads the low 32 bits or decides by them. It must be one of `is`, after `mask`
 * has been applied to it where there is one.
 */
export interface ArgumentCondition {
  readonly argument: 0 | 1 | 2 | 3 | 4 | 5;
  readonly mask?: number;
  readonly is: readonly number[];
}

/** A call that a filter lets through: always, or where all conditions of one of `when` hold. */
export interface AllowedCall {
  readonly call: SystemCallName;
  readonly when?: readonly (readonly ArgumentCondition[])[];
}

/** A call that is refused with an errno of its own, also where it is allowed under conditions that don't hold. */
export interface RefusedCall {
  readonly call: SystemCallName;
  readonly errno: ErrnoName;
}

export interface FilterPolicy {
  /** Those whose arguments are looked at are asked for in this order: the most frequent first. */
  readonly allowed: readonly AllowedCall[];
  readonly refused: readonly RefusedCall[];
  /** All other calls whose number is known. */
  readonly otherwise: ErrnoName | 'allow';
}

/**
 * A filter program. Calls of another architecture than x86-64 end the process: their numbers mean other calls. So do those of
 * no architecture's: the x32 ABI's numbers and all that are newer than the newest that is known here fail with ENOSYS, as with a kernel
 * that hasn't got them, so that a library goes another way.
 */
export function compileFilter(policy: FilterPolicy): BpfInstruction[] {
  const errnos = new Map(policy.refused.map(({ call, errno }) => [call, errno]));
  const looked = new Set(policy.allowed.map(({ call }) => call));
  const program = new Assembly();
  program.load(SeccompData.architecture);
  program.unlessEqual(ARCHITECTURE_X86_64, 'foreign');
  program.load(SeccompData.number);
  for (const { call, when } of inOrder(policy.allowed)) {
    const next = `after ${call}`;
    program.unlessEqual(SystemCall[call], next);
    if (when === undefined) {
      program.return(SeccompAction.allow);
    } else {
      when.forEach((conditions, index) => allowWhen(program, conditions, `${call} ${index}`));
      program.return(refusal(errnos.get(call) ?? policy.otherwise));
    }
    program.label(next);
  }
  for (const { call, errno } of policy.refused.filter((each) => !looked.has(each.call))) {
    program.unlessEqual(SystemCall[call], `not ${call}`);
    program.return(refusal(errno));
    program.label(`not ${call}`);
  }
  program.ifAtLeast(FIRST_UNKNOWN, 'unknown');
  program.return(refusal(policy.otherwise));
  program.label('unknown');
  program.return(policy.otherwise === 'allow' ? SeccompAction.allow : refusal('ENOSYS'));
  program.label('foreign');
  program.return(SeccompAction.killProcess);
  return program.assemble();
}

/** The number after the newest call that is known here. */
export const FIRST_UNKNOWN = Math.max(...Object.values(SystemCall)) + 1;

/** Those with conditions first: what is always allowed, the kernel remembers without running the filter (since Linux 5.11). */
function inOrder(allowed: readonly AllowedCall[]): AllowedCall[] {
  return [...allowed.filter(({ when }) => when !== undefined), ...allowed.filter(({ when }) => when === undefined)];
}

function refusal(errno: ErrnoName | 'allow'): number {
  return errno === 'allow' ? SeccompAction.allow : SeccompAction.refuse(constants.errno[errno]);
}

/** Allows the call if all conditions hold, and goes on behind this if not. */
function allowWhen(program: Assembly, conditions: readonly ArgumentCondition[], name: string): void {
  conditions.forEach(({ argument, mask, is }, index) => {
    const holds = `${name} holds ${index}`;
    program.load(SeccompData.argument(argument));
    if (mask !== undefined) program.and(mask);
    for (const value of is) program.ifEqual(value, holds);
    program.jump(`${name} fails`);
    program.label(holds);
  });
  program.return(SeccompAction.allow);
  program.label(`${name} fails`);
}

/** Instructions whose jumps have names yet. A jump may lead as far as it likes: comparisons skip one instruction at the most. */
class Assembly {
  readonly #code: (Omit<BpfInstruction, 'k'> & { readonly k: number | string })[] = [];
  readonly #labels = new Map<string, number>();

  load(offset: number): void {
    this.#code.push({ code: BpfCode.loadWord, jt: 0, jf: 0, k: offset });
  }

  and(mask: number): void {
    this.#code.push({ code: BpfCode.and, jt: 0, jf: 0, k: mask >>> 0 });
  }

  return(action: number): void {
    this.#code.push({ code: BpfCode.return, jt: 0, jf: 0, k: action >>> 0 });
  }

  jump(label: string): void {
    this.#code.push({ code: BpfCode.jump, jt: 0, jf: 0, k: label });
  }

  ifEqual(value: number, label: string): void {
    this.#code.push({ code: BpfCode.jumpIfEqual, jt: 0, jf: 1, k: value >>> 0 });
    this.jump(label);
  }

  unlessEqual(value: number, label: string): void {
    this.#code.push({ code: BpfCode.jumpIfEqual, jt: 1, jf: 0, k: value >>> 0 });
    this.jump(label);
  }

  ifAtLeast(value: number, label: string): void {
    this.#code.push({ code: BpfCode.jumpIfAtLeast, jt: 0, jf: 1, k: value >>> 0 });
    this.jump(label);
  }

  /** The next instruction's name. Jumps to it stand before it. */
  label(name: string): void {
    if (this.#labels.has(name)) throw new RangeError(`there are two places called '${name}'`);
    this.#labels.set(name, this.#code.length);
  }

  assemble(): BpfInstruction[] {
    if (this.#code.length > MAX_INSTRUCTIONS) {
      throw new RangeError(`a filter has at most ${MAX_INSTRUCTIONS} instructions, this one has ${this.#code.length}`);
    }
    return this.#code.map(({ k, ...instruction }, at) => {
      if (typeof k === 'number') return { ...instruction, k };
      const target = this.#labels.get(k);
      if (target === undefined || target <= at) throw new RangeError(`nothing behind ${at} is called '${k}'`);
      return { ...instruction, k: target - at - 1 };
    });
  }
}
