import koffi from 'koffi';

const libc = koffi.load(null);

/** What a C function declared with a pointer takes: bytes that it may read and fill in place, an address, or NULL. */
export type Pointer = Uint8Array | bigint | null;

type CType = 'int' | 'uint' | 'ulong' | 'size_t' | 'int64' | 'str' | 'void *' | 'uintptr_t';

/** Binds a libc function that returns an `int`. Variadic functions are bound by the arguments they are called with. */
export function bindInt<Args extends readonly unknown[]>(name: string, args: readonly CType[]): (...args: Args) => number {
  return libc.func(name, 'int', [...args]);
}

/** Binds a libc function with a 64-bit result, which arrives as a number or a bigint by its size: callers normalise it. */
export function bindLong<Args extends readonly unknown[]>(
  name: string,
  args: readonly CType[],
): (...args: Args) => number | bigint {
  return libc.func(name, 'int64', [...args]);
}

/** The address of a libc function. */
export function functionAddress(name: string): bigint {
  return BigInt(libc.symbol(name));
}

/**
 * errno of this thread as it is now. Node's own work changes it, so read it in the expression that follows the failed
 * call, before any argument that allocates.
 */
export const lastErrno: () => number = koffi.errno;

/** Where the bytes of `view` are. They stay there for as long as something refers to the buffer. */
export function addressOf(view: Uint8Array): bigint {
  return koffi.address(view);
}

let held: unknown;

/**
 * Put after a call that was given an address of `memory` inside another structure: until here the collector leaves
 * it alone.
 */
export function heldUntilHere(memory: unknown): void {
  held = memory;
}

/** Only so that the store above is never dropped as unused. */
export function lastHeld(): unknown {
  return held;
}
