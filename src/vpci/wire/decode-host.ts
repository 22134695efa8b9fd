import type { Slot } from '../slot.ts';
import type { FunctionDescription } from './encode-host.ts';
import { HOST_MESSAGES, type HostMessageName, hostMessageName } from './host-messages.ts';
import { cells } from './shape.ts';
import { CELLS, FUNCTION_DESCRIPTION, FUNCTION_DESCRIPTION_2 } from './structures.ts';

/** A host's in-band message as a front end sees it. */
export type HostMessage =
  | { readonly kind: 'bus-relations'; readonly functions: readonly FunctionDescription[] }
  | { readonly kind: 'eject'; readonly slot: Slot }
  | { readonly kind: 'invalidate-device'; readonly slot: Slot }
  | { readonly kind: 'invalidate-bus' }
  | { readonly kind: 'invalidate-block'; readonly slot: Slot; readonly blockMask: bigint };

/** Reads what a host sent; undefined for what Linux would drop (unknown, or shorter than it says). */
export function decodeHostMessage(payload: Uint8Array): HostMessage | undefined {
  if (payload.byteLength < 4) return undefined;
  const name = hostMessageName(new DataView(payload.buffer, payload.byteOffset).getUint32(0, true));
  if (name === undefined || payload.byteLength < HOST_MESSAGES[name].layout.sizeBytes) return undefined;
  return decodeNamed(name, payload);
}

function decodeNamed(name: HostMessageName, payload: Uint8Array): HostMessage | undefined {
  switch (name) {
    case 'BUS_RELATIONS':
    case 'BUS_RELATIONS2':
      return decodeRelations(name, payload);
    case 'EJECT':
      return { kind: 'eject', slot: HOST_MESSAGES[name].layout.decode(payload).slot };
    case 'INVALIDATE_DEVICE':
      return { kind: 'invalidate-device', slot: HOST_MESSAGES[name].layout.decode(payload).slot };
    case 'INVALIDATE_BUS':
      return { kind: 'invalidate-bus' };
    case 'INVALIDATE_BLOCK': {
      const { slot, blockMask } = HOST_MESSAGES[name].layout.decode(payload);
      return { kind: 'invalidate-block', slot, blockMask };
    }
  }
}

function decodeRelations(name: 'BUS_RELATIONS' | 'BUS_RELATIONS2', payload: Uint8Array): HostMessage | undefined {
  const { layout } = HOST_MESSAGES[name];
  const { functionCount } = layout.decode(payload);
  const { cellBytes } = name === 'BUS_RELATIONS' ? CELLS.description : CELLS.description2;
  const described = payload.subarray(layout.sizeBytes);
  if (functionCount * cellBytes > described.byteLength) return undefined;
  const functions = cells(described, cellBytes, functionCount).map((cell): FunctionDescription => {
    if (name === 'BUS_RELATIONS') {
      const { slot, serial, ...identity } = FUNCTION_DESCRIPTION.decode(cell);
      return { identity, slot, serial, virtualNumaNode: undefined };
    }
    const { slot, serial, flags, numaNode, ...identity } = FUNCTION_DESCRIPTION_2.decode(cell);
    return { identity, slot, serial, virtualNumaNode: (flags & 1) === 0 ? undefined : numaNode };
  });
  return { kind: 'bus-relations', functions };
}
