import type { ActOutcome } from '../moves/ports.ts';

/** One virtual function as a network card's driver keeps it. */
export interface FakeLink {
  mac: Uint8Array;
  vlan: number;
  spoofCheck: number;
  trust: number;
}

type Refusal = Exclude<ActOutcome, { outcome: 'done' }>;

/** The kernel's end of rtnetlink, for the virtual functions of network cards. */
export class FakeLinks {
  /** By interface index; as many entries as there are virtual functions. */
  readonly cards = new Map<number, FakeLink[]>();
  /** Attribute types (9: trust) that the driver does not know. */
  readonly unsupported = new Set<number>();
  readonly messages: Uint8Array[] = [];

  create(interfaceIndex: number, count: number): void {
    const link = (): FakeLink => ({ mac: new Uint8Array(6), vlan: 0, spoofCheck: 1, trust: 0 });
    this.cards.set(interfaceIndex, Array.from({ length: count }, link));
  }

  exchange(message: Uint8Array): Uint8Array | Refusal {
    this.messages.push(message);
    const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
    const card = this.cards.get(view.getInt32(20, true));
    if (view.getUint32(0, true) !== message.byteLength || card === undefined)
      return refusal('ENODEV', 'No such device');
    if (view.getUint16(4, true) === 18) return describe(view.getInt32(20, true), card);
    // Header 16, link 16, then list, entry and setting, each with a header of 4.
    const type = view.getUint16(32 + 8 + 2, true);
    const value = 32 + 12;
    const link = card[view.getUint32(value, true)];
    if (view.getUint16(34, true) !== 22 || link === undefined) return refusal('EINVAL', 'Invalid argument');
    if (this.unsupported.has(type)) return refusal('EOPNOTSUPP', 'Operation not supported');
    if (type === 1) link.mac = message.slice(value + 4, value + 10);
    else if (type === 2) link.vlan = view.getUint32(value + 4, true);
    else if (type === 4) link.spoofCheck = view.getUint32(value + 4, true);
    else if (type === 9) link.trust = view.getUint32(value + 4, true);
    else return refusal('EINVAL', 'Invalid argument');
    return new Uint8Array(0);
  }
}

function describe(interfaceIndex: number, card: readonly FakeLink[]): Uint8Array {
  const entries = card.map((link, index) => {
    const settings = [
      attribute(1, words(36, index), link.mac),
      attribute(2, words(12, index, link.vlan)),
      attribute(4, words(8, index, link.spoofCheck)),
      attribute(9, words(8, index, link.trust)),
    ];
    return attribute(1, Buffer.concat(settings));
  });
  const list = attribute(22, Buffer.concat(entries));
  const bytes = new Uint8Array(32 + list.byteLength);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.byteLength, true);
  view.setUint16(4, 16, true);
  view.setInt32(20, interfaceIndex, true);
  bytes.set(list, 32);
  return bytes;
}

function attribute(type: number, payload: Uint8Array, at4?: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(4 + payload.byteLength);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, bytes.byteLength, true);
  view.setUint16(2, type, true);
  bytes.set(payload, 4);
  if (at4 !== undefined) bytes.set(at4, 8);
  return bytes;
}

function words(sizeBytes: number, ...values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(sizeBytes);
  const view = new DataView(bytes.buffer);
  for (const [index, value] of values.entries()) view.setUint32(index * 4, value, true);
  return bytes;
}

function refusal(code: string, text: string): Refusal {
  return { outcome: 'failed', code, text };
}
