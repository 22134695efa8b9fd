import { BpfCode, type BpfInstruction, SECCOMP_DATA_BYTES, SeccompData } from '../seccomp/bpf.ts';

/** A system call as a filter sees it. Arguments that are not given are 0. */
export interface SeenCall {
  readonly number: number;
  readonly architecture: number;
  readonly args?: readonly (number | bigint)[];
}

/** What `program` answers to `call`: an action of SECCOMP_RET_*. Throws where the kernel would not have taken the program. */
export function runFilter(program: readonly BpfInstruction[], call: SeenCall): number {
  const data = seccompData(call);
  let accumulator = 0;
  for (let at = 0; ; at++) {
    const instruction = program[at];
    if (instruction === undefined) throw new RangeError(`the program runs out of its end at ${at}`);
    const { code, jt, jf, k } = instruction;
    if (jt > 255 || jf > 255 || jt < 0 || jf < 0) throw new RangeError(`instruction ${at} jumps too far`);
    switch (code) {
      case BpfCode.loadWord:
        if (k % 4 !== 0 || k + 4 > SECCOMP_DATA_BYTES) throw new RangeError(`instruction ${at} reads offset ${k}`);
        accumulator = data.getUint32(k, true);
        break;
      case BpfCode.and:
        accumulator = (accumulator & k) >>> 0;
        break;
      case BpfCode.jump:
        at += k;
        break;
      case BpfCode.jumpIfEqual:
        at += accumulator === k ? jt : jf;
        break;
      case BpfCode.jumpIfAtLeast:
        at += accumulator >= k ? jt : jf;
        break;
      case BpfCode.return:
        return k;
      default:
        throw new RangeError(`instruction ${at} has the code ${code}`);
    }
  }
}

function seccompData({ number, architecture, args = [] }: SeenCall): DataView {
  const view = new DataView(new ArrayBuffer(SECCOMP_DATA_BYTES));
  view.setUint32(SeccompData.number, number, true);
  view.setUint32(SeccompData.architecture, architecture, true);
  args.forEach((arg, index) => view.setBigUint64(SeccompData.argument(index), BigInt.asUintN(64, BigInt(arg)), true));
  return view;
}
