/** What the guest runs in a round, and the lines by which it tells how far it is. */

/** The block device that the lent controller gives the guest. */
const BLOCK_DEVICE = '/dev/nvme0n1';
const STREAM_BLOCK_KIB = 256;

export const READ_4K_COUNT = 2000;
export const STREAM_MIB = 64;
const STREAM_COUNT = (STREAM_MIB * 1024) / STREAM_BLOCK_KIB;

/** Printed by the script. Short: each byte costs both sides exits. */
export const Marker = {
  /** The next thing is a hot-add. */
  ready: 'dda-bench: ready',
  there: 'dda-bench: there',
  gone: 'dda-bench: gone',
  /** Before each read, and after the last. */
  read: 'dda-bench: read',
} as const;

/** A read by dd, of `count` blocks. The ones of a single block tell what starting dd takes. */
export const READS = [
  { name: 'first', block: '4k', count: 1 },
  { name: 'one-4k', block: '4k', count: 1 },
  { name: 'read4k', block: '4k', count: READ_4K_COUNT },
  { name: 'one-block', block: `${STREAM_BLOCK_KIB}k`, count: 1 },
  { name: 'stream', block: `${STREAM_BLOCK_KIB}k`, count: STREAM_COUNT },
] as const;
export type ReadName = (typeof READS)[number]['name'];

const readLines = READS.map(
  ({ block, count }) =>
    `echo '${Marker.read}'; dd if=${BLOCK_DEVICE} of=/dev/null bs=${block} count=${count} iflag=direct 2>/dev/null || exit 1`,
);

/**
 * The same on both sides: the guest waits for the device, is robbed of it, gets it again, reads from it, is robbed again,
 * and powers off. It waits with the shell's own `read -t`: each `usleep` would be a process, and the device's driver would
 * have to wait for that on the guest's one processor.
 */
export const guestScript = `#!/bin/sh
mkfifo /tmp/never
exec 3<>/tmp/never
there() { while [ ! -b ${BLOCK_DEVICE} ]; do read -t 0.005 -u 3 nothing; done; echo '${Marker.there}'; }
gone() { while [ -b ${BLOCK_DEVICE} ]; do read -t 0.005 -u 3 nothing; done; echo '${Marker.gone}'; }
echo '${Marker.ready}'
there
gone
there
sleep 1
${readLines.join('\n')}
echo '${Marker.read}'
gone
`;
