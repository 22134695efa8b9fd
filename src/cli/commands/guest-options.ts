import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { BASE_COMMAND_LINE, type DiskSpec, type GuestFiles, HostError, parseDisk } from '../../host/index.ts';
import { collect, parseCount, parseSize } from '../option-values.ts';

/** What a guest is to be, wherever it runs. */
export interface GuestFlags {
  readonly kernel?: string;
  readonly modules?: string;
  readonly initrd?: string;
  readonly cmdline?: string;
  readonly disk?: readonly DiskSpec[];
  readonly driver?: readonly string[];
  readonly run?: string;
  readonly kaslr?: boolean;
  readonly memory: number;
  readonly cpus: number;
}

const MAX_CPUS = 16;
const GIB = 2 ** 30;

export function addGuestOptions(command: Command): Command {
  return command
    .option('--kernel <FILE>', "bzImage or vmlinux (default: the host's own kernel)")
    .option('--modules <DIR>', "the kernel's lib/modules/VERSION (default: looked for by its version)")
    .option('--initrd <FILE>', 'an initramfs, used as it is (default: one is built, with drivers and busybox)')
    .option('--cmdline <TEXT>', `added to: ${BASE_COMMAND_LINE}`)
    .option('--driver <NAME>', 'load this module in the guest, too; may be given often', collect)
    .option(
      '--disk <FILE[,ro][,vfs=N]>',
      'give it this file as an NVMe disk; may be given often',
      (text, earlier?: readonly DiskSpec[]) => [...(earlier ?? []), parseDisk(text)],
    )
    .option('--run <FILE>', 'a script or program that the guest runs instead of a shell; then it powers off')
    .option('--kaslr', 'let the kernel place itself at random; it unpacks itself then, which takes longer')
    .addOption(new Option('--memory <SIZE>', 'memory of the guest').argParser(parseSize).default(2 * GIB, '2G'))
    .addOption(
      new Option('--cpus <N>', `CPUs of the guest, 1 to ${MAX_CPUS}`).argParser(parseCount(1, MAX_CPUS)).default(1),
    );
}

/** Throws HostError `options-conflict`. */
export function guestFiles(flags: GuestFlags): GuestFiles {
  const { kernel, modules, initrd, run, driver = [], cmdline = '', kaslr = false } = flags;
  if (run !== undefined && initrd !== undefined) {
    throw new HostError('options-conflict', {
      asked: `run ${run} in the guest`,
      obstacle: '--initrd is used as it is, so nothing can be put into it.',
      remedy: 'Leave out --initrd, and an initramfs with the script is built; or leave out --run.',
    });
  }
  const disks = flags.disk !== undefined;
  return { kernel, modules, initrd, run, drivers: driver, disks, commandLine: cmdline, kaslr };
}

/** The disks for a daemon, which stands elsewhere; nothing where there are none. */
export function daemonDisks({ disk }: GuestFlags): { readonly disks?: DiskSpec[] } {
  return disk === undefined ? {} : { disks: disk.map((each) => ({ ...each, path: resolve(each.path) })) };
}
