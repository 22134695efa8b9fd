import { KvmRunPage } from '../../../linux/index.ts';
import type { VcpuThreadOptions } from '../vcpu-thread.ts';

/** Where a scripted vCPU's words are in its run page: beyond struct kvm_run. */
export const SCRIPT_OFFSET = 8192;
export const SCRIPT_WORDS = 8;

export const ScriptWord = {
  /** Exits that the vCPU has made. */
  Exits: 0,
  /** Of those, the ones that the device thread has served. */
  Served: 1,
  /** After so many exits it ends with {@link SCRIPT_OVER}; -1: never. */
  Last: 2,
  /** It throws in the place of this exit; -1: never. */
  ThrowAt: 3,
  /** Before every nth exit it rings for the serial port and waits until it was heard; 0: never. */
  SerialEvery: 4,
  SerialServed: 5,
} as const;

/** ENODATA: the errno that a scripted vCPU ends with when it has made all of its exits. */
export const SCRIPT_OVER = 61;

export const SCRIPTED_VCPU = new URL('./scripted-vcpu.ts', import.meta.url);

export interface Script {
  readonly last?: number;
  readonly throwAt?: number;
  readonly serialEvery?: number;
}

/** A vCPU that does what `script` says. */
export function scriptedVcpu(
  id: number,
  { last = -1, throwAt = -1, serialEvery = 0 }: Script,
): { readonly vcpu: VcpuThreadOptions['vcpu']; readonly words: Int32Array<SharedArrayBuffer> } {
  const runBuffer = new SharedArrayBuffer(3 * 4096);
  const words = new Int32Array(runBuffer, SCRIPT_OFFSET, SCRIPT_WORDS);
  words[ScriptWord.Last] = last;
  words[ScriptWord.ThrowAt] = throwAt;
  words[ScriptWord.SerialEvery] = serialEvery;
  return { vcpu: { id, fd: -1, runBuffer, runPage: new KvmRunPage(runBuffer) }, words };
}
