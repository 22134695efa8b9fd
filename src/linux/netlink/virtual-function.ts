import {
  type Attribute,
  decodeAttributes,
  decodeLinkMessage,
  encodeAttributes,
  encodeLinkMessage,
  LinkMessage,
} from './message.ts';

/** Attributes of a link. Linux include/uapi/linux/if_link.h, enum in which IFLA_VFINFO_LIST is 22. */
const LinkAttribute = { virtualFunctionCount: 21, virtualFunctions: 22, extensions: 29 } as const;
const virtualFunctionInfo = 1;
/** RTEXT_FILTER_VF and RTEXT_FILTER_SKIP_STATS: tell of virtual functions, without their counters. */
const withVirtualFunctions = 1 | 8;

/** What a virtual function's attribute is about, in the same file; each payload begins with the function's number. */
export const VfAttribute = { mac: 1, vlan: 2, spoofCheck: 4, trust: 9 } as const;

/** struct ifla_vf_mac is 36 bytes, ifla_vf_vlan 12, ifla_vf_spoofchk and ifla_vf_trust 8; the value follows the number. */
const macSizeBytes = 36;
const vlanSizeBytes = 12;
const settingSizeBytes = 8;
const valueAt = 4;
const macBytes = 6;

/** What a network card's physical function decides for one of its virtual functions. Undefined: left as it is, or not said. */
export interface VirtualFunctionLink {
  /** Six bytes; all zero: the guest chooses one. */
  readonly mac?: Uint8Array | undefined;
  /** 0: none. */
  readonly vlan?: number | undefined;
  readonly spoofCheck?: boolean | undefined;
  readonly trust?: boolean | undefined;
}

/** Asks for a link with its virtual functions. */
export function encodeLinkQuestion(interfaceIndex: number): Uint8Array {
  const extensions = new Uint8Array(4);
  new DataView(extensions.buffer).setUint32(0, withVirtualFunctions, true);
  return encodeLinkMessage(LinkMessage.getLink, interfaceIndex, [
    { type: LinkAttribute.extensions, payload: extensions },
  ]);
}

/**
 * Changes virtual function `index` (0 is the first) of the link. One message for each setting: then the kernel's refusal is that of
 * one setting, and none is lost behind another's.
 */
export function encodeVirtualFunctionChanges(
  interfaceIndex: number,
  index: number,
  link: VirtualFunctionLink,
): { readonly setting: keyof VirtualFunctionLink; readonly message: Uint8Array }[] {
  const change = (setting: keyof VirtualFunctionLink, type: number, payload: Uint8Array) => ({
    setting,
    message: encodeLinkMessage(LinkMessage.setLink, interfaceIndex, [
      {
        type: LinkAttribute.virtualFunctions,
        payload: encodeAttributes([{ type: virtualFunctionInfo, payload: encodeAttributes([{ type, payload }]) }]),
      },
    ]),
  });
  const changes = [];
  if (link.mac !== undefined) {
    const payload = numbered(index, macSizeBytes);
    payload.set(link.mac.subarray(0, macBytes), valueAt);
    changes.push(change('mac', VfAttribute.mac, payload));
  }
  if (link.vlan !== undefined)
    changes.push(change('vlan', VfAttribute.vlan, numbered(index, vlanSizeBytes, link.vlan)));
  // Trust first: some drivers take away what only a trusted function may have when trust goes.
  if (link.trust !== undefined)
    changes.push(change('trust', VfAttribute.trust, numbered(index, settingSizeBytes, Number(link.trust))));
  if (link.spoofCheck !== undefined)
    changes.push(
      change('spoofCheck', VfAttribute.spoofCheck, numbered(index, settingSizeBytes, Number(link.spoofCheck))),
    );
  return changes;
}

function numbered(index: number, sizeBytes: number, value = 0): Uint8Array {
  const payload = new Uint8Array(sizeBytes);
  const view = new DataView(payload.buffer);
  view.setUint32(0, index, true);
  view.setUint32(valueAt, value, true);
  return payload;
}

/** The virtual functions of a link, by number, from the kernel's answer. Throws RangeError for bytes that are none. */
export function decodeVirtualFunctions(answer: Uint8Array): Map<number, VirtualFunctionLink> {
  const found = new Map<number, VirtualFunctionLink>();
  const list = decodeLinkMessage(answer).attributes.find(({ type }) => type === LinkAttribute.virtualFunctions);
  if (list === undefined) return found;
  for (const entry of decodeAttributes(list.payload)) {
    if (entry.type !== virtualFunctionInfo) continue;
    const attributes = decodeAttributes(entry.payload);
    const mac = payloadOf(attributes, VfAttribute.mac, macSizeBytes);
    if (mac === undefined) continue;
    found.set(u32(mac, 0), {
      mac: mac.slice(valueAt, valueAt + macBytes),
      vlan: valueOf(attributes, VfAttribute.vlan),
      spoofCheck: settingOf(attributes, VfAttribute.spoofCheck),
      trust: settingOf(attributes, VfAttribute.trust),
    });
  }
  return found;
}

function payloadOf(attributes: readonly Attribute[], type: number, leastBytes: number): Uint8Array | undefined {
  const found = attributes.find((attribute) => attribute.type === type);
  return found === undefined || found.payload.byteLength < leastBytes ? undefined : found.payload;
}

function valueOf(attributes: readonly Attribute[], type: number): number | undefined {
  const payload = payloadOf(attributes, type, settingSizeBytes);
  return payload === undefined ? undefined : u32(payload, valueAt);
}

/** All ones: the driver doesn't say. */
function settingOf(attributes: readonly Attribute[], type: number): boolean | undefined {
  const value = valueOf(attributes, type);
  return value === undefined || value === 0xffff_ffff ? undefined : value !== 0;
}

function u32(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(at, true);
}
