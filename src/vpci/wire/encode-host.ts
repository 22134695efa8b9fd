import { type BarResources, encodeBarResources } from '../bar-resources.ts';
import type { FunctionIdentity } from '../../functions/index.ts';
import type { InterruptToken } from '../interrupt-tokens.ts';
import type { Slot } from '../slot.ts';
import { HOST_MESSAGES } from './host-messages.ts';
import { REPLIES } from './replies.ts';
import { joinCells, withTail } from './shape.ts';
import { NtStatus } from './status.ts';
import { CELLS, FUNCTION_DESCRIPTION, FUNCTION_DESCRIPTION_2, MSI_TOKEN } from './structures.ts';
import { VpciVersion } from './version.ts';

/** A function as bus relations describe it. */
export interface FunctionDescription {
  readonly identity: FunctionIdentity;
  readonly slot: Slot;
  readonly serial: number;
  /** The guest's NUMA node; only versions from 1.3 on carry it. */
  readonly virtualNumaNode: number | undefined;
}

const NUMA_NODE_VALID = 1;

/** BUS_RELATIONS or BUS_RELATIONS2, as the version has it. */
export function encodeBusRelations(
  version: VpciVersion,
  functions: readonly FunctionDescription[],
): Uint8Array<ArrayBuffer> {
  const functionCount = functions.length;
  if (version < VpciVersion.V1_3) {
    const { layout, messageType } = HOST_MESSAGES.BUS_RELATIONS;
    const cells = functions.map(({ identity, slot, serial }) =>
      FUNCTION_DESCRIPTION.encode({ ...identity, slot, serial }),
    );
    return withTail(layout.encode({ type: messageType, functionCount }), joinCells(cells, CELLS.description.cellBytes));
  }
  const { layout, messageType } = HOST_MESSAGES.BUS_RELATIONS2;
  const cells = functions.map(({ identity, slot, serial, virtualNumaNode }) =>
    FUNCTION_DESCRIPTION_2.encode({
      ...identity,
      slot,
      serial,
      flags: virtualNumaNode === undefined ? 0 : NUMA_NODE_VALID,
      numaNode: virtualNumaNode ?? 0,
    }),
  );
  return withTail(layout.encode({ type: messageType, functionCount }), joinCells(cells, CELLS.description2.cellBytes));
}

export function encodeEject(slot: Slot): Uint8Array<ArrayBuffer> {
  const { layout, messageType } = HOST_MESSAGES.EJECT;
  return layout.encode({ type: messageType, slot });
}

export function encodeStatus(status: number): Uint8Array<ArrayBuffer> {
  return REPLIES.STATUS.layout.encode({ status });
}

export function encodeVersionReply(status: number, version: number): Uint8Array<ArrayBuffer> {
  return REPLIES.VERSION.layout.encode({ status, version });
}

/** `masks`: six, from barMasks(). */
export function encodeRequirements(masks: readonly number[]): Uint8Array<ArrayBuffer> {
  const { shape, cellBytes } = CELLS.barMask;
  const barMasks = joinCells(
    masks.map((mask) => shape.layout.encode({ mask })),
    cellBytes,
  );
  return REPLIES.REQUIREMENTS.layout.encode({ status: NtStatus.SUCCESS, barMasks });
}

export function encodeCurrentResources(resources: BarResources): Uint8Array<ArrayBuffer> {
  return REPLIES.CURRENT_RESOURCES.layout.encode({
    listVersion: 1,
    listRevision: 1,
    resourceCount: 6,
    resources: encodeBarResources(resources),
  });
}

export function encodeInterruptReply(token: InterruptToken): Uint8Array<ArrayBuffer> {
  return REPLIES.INTERRUPT.layout.encode({ status: NtStatus.SUCCESS, interrupt: encodeToken(token) });
}

/** `tokens`: undefined for a descriptor that asked for no vector. */
export function encodeAssigned(
  slot: Slot,
  resources: BarResources,
  tokens: readonly (InterruptToken | undefined)[],
  tokenCells: 'v1' | 'v2',
): Uint8Array<ArrayBuffer> {
  const { layout } = tokenCells === 'v1' ? REPLIES.ASSIGNED : REPLIES.ASSIGNED2;
  const { cellBytes } = tokenCells === 'v1' ? CELLS.token : CELLS.token2;
  const fixed = layout.encode({
    status: NtStatus.SUCCESS,
    slot,
    resources: encodeBarResources(resources),
    tokenCount: tokens.length,
  });
  return withTail(fixed, joinCells(tokens.map(encodeToken), cellBytes));
}

function encodeToken(token: InterruptToken | undefined): Uint8Array<ArrayBuffer> {
  return MSI_TOKEN.encode({ vectorCount: token?.count ?? 0, data: token?.data ?? 0, address: token?.address ?? 0n });
}
