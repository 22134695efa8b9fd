import type { HostTree } from '../tree/host-tree.ts';
import { append, functionOnPath } from './device-paths.ts';
import { UseKind } from './function-usage.ts';
import type { HostUse } from './function-usage.ts';

const ttyPath = '/sys/class/tty';

/** Terminals that the kernel prints to and that hang on a PCI function, such as a serial port of a management controller. */
export function readConsoles(tree: HostTree): ReadonlyMap<string, readonly HostUse[]> {
  const found = new Map<string, HostUse[]>();
  for (const name of (tree.text(`${ttyPath}/console/active`) ?? '').split(/\s+/)) {
    const path = /^[A-Za-z0-9]+$/.test(name) ? tree.real(`${ttyPath}/${name}`) : undefined;
    const fn = path === undefined ? undefined : functionOnPath(path);
    if (fn === undefined) continue;
    append(found, fn, {
      kind: UseKind.console,
      sentence: `The kernel's console is on its terminal ${name}.`,
      breaks: `What the kernel says would no longer reach ${name}, nor would a log-in there.`,
      remedy: `Take console=${name} off the kernel command line.`,
      needed: true,
    });
  }
  return found;
}
