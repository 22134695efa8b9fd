import type { VirtualFunctionSettings } from '../../host/index.ts';

export interface SettingFlags {
  readonly count: number;
  /** One for each function, in their order. */
  readonly mac?: readonly string[];
  readonly vlan?: number;
  readonly trust?: boolean;
  readonly queues?: number;
  readonly interrupts?: number;
}

/** What each function is to have: the same for all but for the addresses. More addresses than functions stay, to be refused. */
export function functionSettings(flags: SettingFlags): VirtualFunctionSettings[] {
  const macs = flags.mac ?? [];
  return Array.from({ length: Math.max(flags.count, macs.length) }, (_, index) => {
    const mac = macs[index];
    return {
      ...(mac === undefined ? {} : { mac }),
      ...(flags.vlan === undefined ? {} : { vlan: flags.vlan }),
      ...(flags.trust === undefined ? {} : { trust: flags.trust }),
      ...(flags.queues === undefined ? {} : { queues: flags.queues }),
      ...(flags.interrupts === undefined ? {} : { interrupts: flags.interrupts }),
    };
  });
}
