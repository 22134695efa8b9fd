import { bindIntAsync } from './library.ts';

/** Modes of fallocate(2). Linux include/uapi/linux/falloc.h. */
const keepSize = 0x1;
const punchHoleMode = 0x2;

const nativeAllocate = bindIntAsync('fallocate', ['int', 'int', 'int64', 'int64']);

/**
 * Gives back the room that a range of a file takes: it reads zero afterwards. On a thread of Node's pool. False: the file system can't,
 * or refused.
 */
export async function punchHole(fd: number, offset: number, sizeBytes: number): Promise<boolean> {
  return (await nativeAllocate(fd, punchHoleMode | keepSize, offset, sizeBytes)) === 0;
}
