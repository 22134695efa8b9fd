import { moduleName } from './modinfo.ts';

/**
 * The options for modules on a kernel command line: `hv_vmbus.max_version=0x50003 quiet` → `hv_vmbus` → `max_version=0x50003`.
 * The kernel itself hands them to built-in drivers only; for modules that is the loader's job (kernel-parameters.rst).
 */
export function moduleOptions(commandLine: string): ReadonlyMap<string, string> {
  const options = new Map<string, string>();
  for (const word of commandLine.match(/(?:[^\s"]|"[^"]*"?)+/g) ?? []) {
    // What follows `--` is for init.
    if (word === '--') break;
    const [, name, option] = /^([\w-]+)\.(\w.*)$/s.exec(word) ?? [];
    if (name === undefined || option === undefined) continue;
    const key = moduleName(name);
    const known = options.get(key);
    options.set(key, known === undefined ? option : `${known} ${option}`);
  }
  return options;
}
