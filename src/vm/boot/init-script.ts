/** Where the initramfs keeps things. */
export const InitrdPath = { busybox: 'bin/busybox', init: 'init', modules: 'lib/dda', run: 'dda-run' } as const;

/** The console lines by which a host recognises how far a guest has come. */
export const GuestLine = {
  up: 'dda-guest: up',
  exit: 'dda-guest: exit',
  modules: 'dda-guest: modules loaded',
  problem: 'dda-guest: problem:',
} as const;

export interface ModuleToInsert {
  readonly name: string;
  /** As after the file's name on insmod's command line. */
  readonly options: string;
}

const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/**
 * The guest's first process. Busybox's shell finds its applets in itself, but it needs /proc to start most of them: so
 * that is mounted first, by busybox's full name. The first line is out before anything that takes time. With `hasRun` it runs the caller's script and powers off; else it gives a shell.
 */
export function initScript(options: { readonly modules: readonly ModuleToInsert[]; readonly hasRun: boolean }): string {
  const insertions = options.modules.map(({ name, options: text }) => {
    const words = text === '' ? '' : ` ${text.split(' ').map(quote).join(' ')}`;
    return `insmod /${InitrdPath.modules}/${name}.ko${words} || echo ${quote(`${GuestLine.problem} the module ${name} was refused`)}`;
  });
  const run = [`/${InitrdPath.run} </dev/console`, `echo "${GuestLine.exit} $?"`];
  const shell = [`/${InitrdPath.busybox} --install -s /bin`, 'setsid cttyhack sh'];
  return `${[
    `#!/${InitrdPath.busybox} sh`,
    `/${InitrdPath.busybox} mount -t proc proc /proc`,
    'read -r uptime rest </proc/uptime',
    `echo "${GuestLine.up} $uptime"`,
    'mount -t sysfs sysfs /sys',
    'mount -t devtmpfs devtmpfs /dev',
    'mkdir -p /dev/pts /dev/shm',
    'mount -t devpts devpts /dev/pts',
    'export PATH=/bin HOME=/root TERM="${TERM:-vt100}"',
    'cd /root',
    ...insertions,
    ...(options.modules.length > 0 ? ['read -r uptime rest </proc/uptime', `echo "${GuestLine.modules} $uptime"`] : []),
    ...(options.hasRun ? run : shell),
    'sync',
    'poweroff -f',
  ].join('\n')}\n`;
}
