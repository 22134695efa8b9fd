import type { VirtualFunctionLink } from '../../linux/index.ts';
import { HostError } from '../errors.ts';
import type { DeviceKind } from './physical-function.ts';

/** What one virtual function is to have. What is left out stays as the device has it. */
export interface VirtualFunctionSettings {
  /** NVMe: queue pairs, the one for admin commands included; at least 2. */
  readonly queues?: number;
  /** NVMe: interrupt vectors; at least 1. */
  readonly interrupts?: number;
  /** Network: `52:54:00:12:34:56`. */
  readonly mac?: string;
  /** Network: the card tags what the function sends and takes the tag off again; 0: none. */
  readonly vlan?: number;
  /** Network: the guest may choose other addresses to send from and to listen to. */
  readonly trust?: boolean;
}

export interface CheckedSettings {
  readonly queues: number | undefined;
  readonly interrupts: number | undefined;
  readonly link: VirtualFunctionLink;
}

/** 802.1Q's VLAN identifiers have 12 bits; 4095 is reserved. */
const lastVlan = 4094;
const leastQueues = 2;
const leastInterrupts = 1;
/** The field of a resource assignment has 16 bits. */
const mostResources = 0xffff;
const multicastBit = 1;

const settingsOf: Readonly<Record<DeviceKind, readonly (keyof VirtualFunctionSettings)[]>> = {
  nvme: ['queues', 'interrupts'],
  network: ['mac', 'vlan', 'trust'],
  other: [],
};

/** Checks the settings of `count` functions, in their order; fewer settings than functions are completed with none. */
export function checkSettings(
  asked: string,
  kind: DeviceKind,
  count: number,
  perFunction: readonly VirtualFunctionSettings[],
): CheckedSettings[] {
  if (perFunction.length > count) {
    throw refused(asked, `there are settings for ${perFunction.length} functions, and ${count} would be created.`, {});
  }
  const macs = new Set<string>();
  return Array.from({ length: count }, (_, index) => {
    const settings = perFunction[index] ?? {};
    refuseForeign(asked, kind, settings);
    const mac = settings.mac === undefined ? undefined : parseUnicastMac(asked, settings.mac);
    if (mac !== undefined) {
      const text = formatMac(mac);
      if (macs.has(text)) throw refused(asked, `two functions would have the MAC address ${text}.`, { mac: text });
      macs.add(text);
    }
    return {
      queues: wholeNumber(asked, 'queues', settings.queues, leastQueues, mostResources),
      interrupts: wholeNumber(asked, 'interrupts', settings.interrupts, leastInterrupts, mostResources),
      link: {
        mac,
        vlan: wholeNumber(asked, 'vlan', settings.vlan, 0, lastVlan),
        trust: settings.trust,
        // A card drops what comes from an address that isn't the function's own, unless it is told not to.
        spoofCheck: settings.trust === undefined ? undefined : !settings.trust,
      },
    };
  });
}

function refuseForeign(asked: string, kind: DeviceKind, settings: VirtualFunctionSettings): void {
  for (const name of ['queues', 'interrupts', 'mac', 'vlan', 'trust'] as const) {
    if (settings[name] === undefined || settingsOf[kind].includes(name)) continue;
    const has = settingsOf[kind].length === 0 ? 'no settings' : `${settingsOf[kind].join(', ')} only`;
    const device = { nvme: 'an NVMe controller', network: 'a network card', other: 'this kind of device' }[kind];
    throw refused(asked, `${name} is no setting of ${device}, whose virtual functions have ${has}.`, { setting: name });
  }
}

/** Throws `virtual-function-settings` for what isn't the address of one network interface. */
function parseUnicastMac(asked: string, text: string): Uint8Array {
  const parts = /^[0-9a-f]{1,2}(?:[:-][0-9a-f]{1,2}){5}$/i.test(text) ? text.split(/[:-]/) : [];
  const mac = new Uint8Array(parts.map((part) => Number.parseInt(part, 16)));
  const details = { setting: 'mac', value: text };
  if (mac.length !== 6)
    throw refused(asked, `'${text}' is no MAC address, which looks like 52:54:00:12:34:56.`, details);
  if (((mac[0] ?? 0) & multicastBit) !== 0) {
    throw refused(asked, `${text} is a multicast address: the lowest bit of its first byte must be 0.`, details);
  }
  if (mac.every((byte) => byte === 0)) throw refused(asked, `${text} is the address of no interface.`, details);
  return mac;
}

/** `52:54:00:12:34:56` */
export function formatMac(mac: Uint8Array): string {
  return [...mac].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}

function wholeNumber(
  asked: string,
  setting: string,
  value: number | undefined,
  least: number,
  most: number,
): number | undefined {
  if (value === undefined || (Number.isInteger(value) && value >= least && value <= most)) return value;
  throw refused(asked, `${setting} is ${value}; it can be a whole number from ${least} to ${most}.`, {
    setting,
    value,
  });
}

function refused(asked: string, obstacle: string, details: Record<string, unknown>): HostError {
  return new HostError('virtual-function-settings', {
    asked,
    obstacle,
    remedy: 'Correct it and ask again; nothing was changed.',
    details,
  });
}
