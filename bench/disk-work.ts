import { Marker } from './guest-script.ts';
import type { GuestFiles } from './in-rig/vmm.ts';

/** What a guest does with its disk, and how it is told of. */

const DISK = '/dev/nvme0n1';
const PARALLEL = 32;
export const DISK_MIB = 128;

interface Work {
  readonly name: string;
  readonly unit: '1/s' | 'MiB/s';
  /** Of one operation, in `unit` times seconds. */
  readonly each: number;
  /** The least that it can be asked for, which tells what starting it takes; and how many are measured. */
  readonly least: number;
  readonly most: number;
  /** As a command line of the guest's shell. */
  readonly line: (operations: number) => string;
}

const read = (block: string, count: number, skip = 0): string =>
  `dd if=${DISK} of=/dev/null bs=${block} count=${count} skip=${skip} iflag=direct 2>/dev/null`;
const write = (block: string, count: number, seek = 0): string =>
  `dd if=/dev/zero of=${DISK} bs=${block} count=${count} seek=${seek} oflag=direct 2>/dev/null`;
const atOnce = (line: (place: number) => string): string =>
  `${Array.from({ length: PARALLEL }, (_, place) => `${line(place)} &`).join(' ')} wait`;
/**
 * Before anything is measured: V8 compiles what drives a controller of software for the last time, and longest, after some ten thousand commands,
 * and on the rig's only processor that is time taken from whatever is measured then.
 */
const WARM_UP = [
  read('4k', 8000),
  write('4k', 8000),
  atOnce((place) => read('4k', 150, place * 256)),
  atOnce((place) => write('4k', 150, place * 256)),
  // The disk has room for 512 of them.
  ...[0, 1, 2, 3].flatMap(() => [read('256k', 500), write('256k', 500)]),
  read('4k', 2000),
  write('4k', 2000),
].join('; ');

export const DISK_WORK: readonly Work[] = [
  { name: 'read 4k', unit: '1/s', each: 1, least: 1, most: 1500, line: (count) => read('4k', count) },
  { name: 'write 4k', unit: '1/s', each: 1, least: 1, most: 1500, line: (count) => write('4k', count) },
  {
    name: `read 4k, ${PARALLEL} at once`,
    unit: '1/s',
    each: 1,
    least: PARALLEL,
    most: PARALLEL * 150,
    line: (count) => atOnce((place) => read('4k', count / PARALLEL, place * 256)),
  },
  {
    name: `write 4k, ${PARALLEL} at once`,
    unit: '1/s',
    each: 1,
    least: PARALLEL,
    most: PARALLEL * 150,
    line: (count) => atOnce((place) => write('4k', count / PARALLEL, place * 256)),
  },
  { name: 'read', unit: 'MiB/s', each: 0.25, least: 1, most: 400, line: (count) => read('256k', count) },
  { name: 'write', unit: 'MiB/s', each: 0.25, least: 1, most: 400, line: (count) => write('256k', count) },
];

/** Each work's least and most, with a marker before each and after the last. */
export const diskScript = `#!/bin/sh
n=0; while [ ! -b ${DISK} ] && [ $n -lt 600 ]; do usleep 50000; n=$((n+1)); done
sleep 1
${WARM_UP}
${DISK_WORK.flatMap(({ least, most, line }) => [least, most].map((count) => `echo '${Marker.read}'; ${line(count)}`)).join('\n')}
echo '${Marker.read}'
`;

export interface DisksConfig {
  readonly rounds: number;
  readonly guest: GuestFiles;
  /** dda's own program. */
  readonly program: string;
}

/** One line of what the rounds in the rig print: what each of {@link DISK_WORK} made, in its unit. */
export interface DisksLine {
  readonly side: 'dda' | 'qemu';
  readonly round: number;
  readonly rates: readonly number[];
}
