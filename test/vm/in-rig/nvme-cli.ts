import type { Guest } from './guest.ts';

export type Fields = Readonly<Record<string, unknown>>;

/** What a command of nvme-cli prints as JSON. */
export async function nvme(guest: Guest, line: string): Promise<Fields> {
  return JSON.parse(await guest.run(`nvme ${line} -o json`)) as Fields;
}
