import { HostError } from '../errors.ts';

const namePattern = /^[a-z0-9-]{1,32}$/;

/** Throws HostError `vm-name-malformed`. */
export function checkVmName(name: string): string {
  if (namePattern.test(name)) return name;
  throw new HostError('vm-name-malformed', {
    asked: `use the name "${name.slice(0, 64)}"`,
    obstacle: "a VM's name has 1 to 32 characters, each a-z, 0-9 or -.",
    remedy: 'Choose another.',
    details: { name },
  });
}

export function isVmName(text: string): boolean {
  return namePattern.test(text);
}
