import koffi from 'koffi';

const libc = koffi.load(null);

/** What a C function declared with a pointer takes: bytes that it may read and fill in place, an address, or NULL. */
export type Pointer = Uint8Array | bigint | null;

/** C types of arguments, and what is passed for each. */
interface Values {
  int: number;
  uint: number;
  ulong: number | bigint;
  size_t: number;
  int64: number;
  str: string;
  'void *': Pointer;
  uintptr_t: bigint;
}

type CType = keyof Values;
type Arguments<Types extends readonly CType[]> = { [I in keyof Types]: Values[Types[I]] };

/** Binds a libc function that returns an `int`. Variadic functions are bound by the arguments they are called with. */
export function bindInt<const Types extends readonly CType[]>(
  name: string,
  types: Types,
): (...args: Arguments<Types>) => number {
  return libc.func(name, 'int', [...types]);
}

/**
 * Binds a libc function that takes long: it runs on a thread of Node's pool, and this one goes on. The result alone comes back,
 * because errno is the other thread's.
 */
export function bindIntAsync<const Types extends readonly CType[]>(
  name: string,
  types: Types,
): (...args: Arguments<Types>) => Promise<number> {
  const native = libc.func(name, 'int', [...types]);
  return (...args) =>
    new Promise((resolve, reject) => {
      native.async(...args, (error: Error | null, result: number) =>
        error === null ? resolve(result) : reject(error),
      );
    });
}

/** Binds a libc function with a 64-bit result, which arrives as a number or a bigint by its size: callers normalise it. */
export function bindLong<const Types extends readonly CType[]>(
  name: string,
  types: Types,
): (...args: Arguments<Types>) => number | bigint {
  return libc.func(name, 'int64', [...types]);
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

/**
 * Put after a call that was given addresses of `memory` inside another structure: until here the collector leaves it
 * alone, because here it is looked at.
 */
export function heldUntilHere(...memory: readonly Uint8Array[]): void {
  for (const part of memory) {
    if (part.buffer instanceof ArrayBuffer && part.buffer.detached) {
      throw new Error('memory was given away while the kernel was using it');
    }
  }
}
