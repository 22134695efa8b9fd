/** Where a PCI function sits on the host: what `lspci` prints as `0000:01:00.0`. */
export interface PciAddress {
  /** 0…0xFFFFFFFF: Linux gives domains above 0xFFFF to buses behind Intel's VMD. */
  readonly domain: number;
  /** 0…255. */
  readonly bus: number;
  /** 0…31. */
  readonly device: number;
  /** 0…7. */
  readonly function: number;
}

/** A text that doesn't name a PCI function; the message says what was expected. */
export class PciAddressError extends Error {
  readonly code = 'pci-address-malformed';
  readonly text: string;

  constructor(text: string, problem: string) {
    super(
      `"${printable(text)}" is not a PCI address: ${problem}. Write it as lspci -D does, for example 0000:01:00.0.`,
    );
    this.name = 'PciAddressError';
    this.text = text;
  }
}

export type PciAddressResult =
  | { readonly ok: true; readonly address: PciAddress }
  | { readonly ok: false; readonly error: PciAddressError };

const shape = /^(?:([0-9a-f]{4,8}):)?([0-9a-f]{2}):([0-9a-f]{2})\.([0-9a-f])$/i;

/** Whether a text has the shape of an address: a quick look before {@link parsePciAddress}, for names of all kinds. */
export function looksLikePciAddress(text: string): boolean {
  return shape.test(text);
}

/** Reads `0000:01:00.0`, or `01:00.0` for domain 0. Upper and lower case. */
export function parsePciAddress(text: string): PciAddressResult {
  const parts = shape.exec(text);
  if (parts === null) {
    return refuse(text, 'it must be [domain:]bus:device.function in hexadecimal, with two digits for bus and device');
  }
  const [, domain = '0', bus = '', device = '', fn = ''] = parts;
  const address: PciAddress = {
    domain: Number.parseInt(domain, 16),
    bus: Number.parseInt(bus, 16),
    device: Number.parseInt(device, 16),
    function: Number.parseInt(fn, 16),
  };
  if (address.device > 0x1f) return refuse(text, `a bus has devices 00 to 1f, not ${device}`);
  if (address.function > 7) return refuse(text, `a device has functions 0 to 7, not ${fn}`);
  return { ok: true, address };
}

/** `0000:01:00.0`: the name of the function's directory in sysfs. */
export function formatPciAddress(address: PciAddress): string {
  const { domain, bus, device } = address;
  return `${hex(domain, 4)}:${hex(bus, 2)}:${hex(device, 2)}.${address.function}`;
}

export function samePciAddress(a: PciAddress, b: PciAddress): boolean {
  return a.domain === b.domain && a.bus === b.bus && a.device === b.device && a.function === b.function;
}

/** Ascending by domain, bus, device, function: for `Array.sort`. */
export function comparePciAddresses(a: PciAddress, b: PciAddress): number {
  return a.domain - b.domain || a.bus - b.bus || a.device - b.device || a.function - b.function;
}

function refuse(text: string, problem: string): PciAddressResult {
  return { ok: false, error: new PciAddressError(text, problem) };
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}

/** The text may come from anywhere: the message stays one short line. */
function printable(text: string): string {
  const clean = text.replace(/[^\x20-\x7e]/g, '?');
  return clean.length > 40 ? `${clean.slice(0, 40)}…` : clean;
}
