import { type BarResources, decodeBarResources } from '../bar-resources.ts';
import { type InterruptRequest, MAX_VECTORS_PER_REQUEST } from '../interrupt-tokens.ts';
import type { Slot } from '../slot.ts';
import { GUEST_MESSAGES, type GuestMessageName, guestMessageName } from './guest-messages.ts';
import { decodeDescriptor, type DescriptorForm } from './msi-descriptors.ts';
import { cells } from './shape.ts';
import { MSI_TOKEN } from './structures.ts';
import { NtStatus } from './status.ts';
import { formatVersion, type VpciVersion } from './version.ts';

/** A guest's message, checked as far as it can be without knowing the bus. */
export type GuestMessage =
  | { readonly kind: 'query-protocol-version'; readonly version: number }
  | { readonly kind: 'query-bus-relations' }
  | { readonly kind: 'd0-entry'; readonly windowGpa: bigint }
  | { readonly kind: 'd0-exit' }
  | { readonly kind: 'query-requirements'; readonly slot: Slot }
  | { readonly kind: 'query-current-resources'; readonly slot: Slot }
  | { readonly kind: 'power-state-change'; readonly slot: Slot; readonly state: 'D0' | 'D3' }
  | { readonly kind: 'ejection-complete'; readonly slot: Slot; readonly status: number }
  | {
      readonly kind: 'resources-assigned';
      readonly slot: Slot;
      readonly resources: BarResources;
      /** undefined: a descriptor that asks for no vectors. */
      readonly interrupts: readonly (InterruptRequest | undefined)[];
      readonly tokenCells: 'v1' | 'v2';
    }
  | { readonly kind: 'resources-released'; readonly slot: Slot }
  | { readonly kind: 'create-interrupt'; readonly slot: Slot; readonly request: InterruptRequest }
  | { readonly kind: 'delete-interrupt'; readonly slot: Slot; readonly address: bigint; readonly data: number };

/** A request that gets no more than a status, if it asked for a completion. */
export interface Refusal {
  readonly kind: 'refused';
  /** NTSTATUS, negative. */
  readonly status: number;
  readonly reason: string;
}

export function refuse(status: number, reason: string): Refusal {
  return { kind: 'refused', status, reason };
}

const { BAD_DATA, NOT_SUPPORTED } = NtStatus;
const M = GUEST_MESSAGES;

/** Reads a copied payload. Longer ones are all right (the ring pads to 8 bytes), shorter ones are refused. Never throws. */
export function decodeGuestMessage(payload: Uint8Array, version: VpciVersion): GuestMessage | Refusal {
  if (payload.byteLength < 4) return refuse(BAD_DATA, `${payload.byteLength} bytes are too short for a message type`);
  const messageType = new DataView(payload.buffer, payload.byteOffset).getUint32(0, true);
  const name = guestMessageName(messageType);
  if (name === undefined) return refuse(NOT_SUPPORTED, `unknown message 0x${messageType.toString(16)}`);
  const { since, layout } = M[name];
  if (since === 'not offered') return refuse(NOT_SUPPORTED, `${name} is not supported`);
  if (since > version) return refuse(NOT_SUPPORTED, `${name} is not part of version ${formatVersion(version)}`);
  if (payload.byteLength < layout.sizeBytes) {
    return refuse(BAD_DATA, `${name} has ${payload.byteLength} bytes; it takes ${layout.sizeBytes}`);
  }
  return decodeNamed(name, payload);
}

function decodeNamed(name: GuestMessageName, payload: Uint8Array): GuestMessage | Refusal {
  switch (name) {
    case 'QUERY_PROTOCOL_VERSION':
      return { kind: 'query-protocol-version', version: M[name].layout.decode(payload).version };
    case 'QUERY_BUS_RELATIONS':
      return { kind: 'query-bus-relations' };
    case 'BUS_D0ENTRY':
      return { kind: 'd0-entry', windowGpa: M[name].layout.decode(payload).windowGpa };
    case 'BUS_D0EXIT':
      return { kind: 'd0-exit' };
    case 'QUERY_RESOURCE_REQUIREMENTS':
      return { kind: 'query-requirements', slot: M[name].layout.decode(payload).slot };
    case 'QUERY_RESOURCE_RESOURCES':
      return { kind: 'query-current-resources', slot: M[name].layout.decode(payload).slot };
    case 'POWER_STATE_CHANGE':
      return decodePowerState(payload);
    case 'EJECTION_COMPLETE':
      return { kind: 'ejection-complete', slot: M[name].layout.decode(payload).slot, status: statusAfter(payload, 8) };
    case 'RESOURCES_ASSIGNED':
      return decodeAssigned(name, payload, 1, 'v1');
    case 'RESOURCES_ASSIGNED2':
      return decodeAssigned(name, payload, 2, 'v2');
    case 'RESOURCES_ASSIGNED3':
      return decodeAssigned(name, payload, 3, 'v2');
    case 'RESOURCES_RELEASED':
      return { kind: 'resources-released', slot: M[name].layout.decode(payload).slot };
    case 'CREATE_INTERRUPT':
      return decodeCreate(name, payload, 1);
    case 'CREATE_INTERRUPT2':
      return decodeCreate(name, payload, 2);
    case 'CREATE_INTERRUPT3':
      return decodeCreate(name, payload, 3);
    case 'DELETE_INTERRUPT':
    case 'DELETE_INTERRUPT2': {
      const { slot, interrupt } = M[name].layout.decode(payload);
      // The count isn't looked at: guests send 0 here.
      const { address, data } = MSI_TOKEN.decode(interrupt);
      return { kind: 'delete-interrupt', slot, address, data };
    }
    case 'QUERY_STOP':
    case 'QUERY_STOP_FAILED':
    case 'READ_BLOCK':
    case 'WRITE_BLOCK':
    case 'RESET_DEVICE':
    case 'TDISP_COMMAND':
      return refuse(NOT_SUPPORTED, `${name} is not supported`);
  }
}

/** Some guests leave EJECTION_COMPLETE's status out; that means success. */
function statusAfter(payload: Uint8Array, offset: number): number {
  if (payload.byteLength < offset + 4) return NtStatus.SUCCESS;
  return new DataView(payload.buffer, payload.byteOffset).getUint32(offset, true);
}

function decodePowerState(payload: Uint8Array): GuestMessage | Refusal {
  const { slot, state } = M.POWER_STATE_CHANGE.layout.decode(payload);
  // DEVICE_POWER_STATE, Windows wdm.h: 1 = D0, 4 = D3. The states between have no use here.
  if (state === 1) return { kind: 'power-state-change', slot, state: 'D0' };
  if (state === 4) return { kind: 'power-state-change', slot, state: 'D3' };
  return refuse(BAD_DATA, `POWER_STATE_CHANGE to ${state}`);
}

type AssignedName = 'RESOURCES_ASSIGNED' | 'RESOURCES_ASSIGNED2' | 'RESOURCES_ASSIGNED3';

function decodeAssigned(
  name: AssignedName,
  payload: Uint8Array,
  form: DescriptorForm,
  tokenCells: 'v1' | 'v2',
): GuestMessage | Refusal {
  const { layout, tail } = M[name];
  const { slot, resources: resourceBytes, descriptorCount } = layout.decode(payload);
  const resources = decodeBarResources(resourceBytes);
  if (typeof resources === 'string') return refuse(BAD_DATA, `${name}: ${resources}`);
  // The count is bounded by the message's own length, so it can't make the host work more than the guest did.
  const room = payload.byteLength - layout.sizeBytes;
  if (tail === undefined || descriptorCount > tail.most || descriptorCount * tail.cellBytes > room) {
    return refuse(BAD_DATA, `${name} with ${descriptorCount} descriptors in ${payload.byteLength} bytes`);
  }
  const interrupts: (InterruptRequest | undefined)[] = [];
  for (const cell of cells(payload.subarray(layout.sizeBytes), tail.cellBytes, descriptorCount)) {
    const request = decodeDescriptor(cell, form);
    if (typeof request === 'string') return refuse(BAD_DATA, `${name}: ${request}`);
    interrupts.push(request.vectorCount === 0 ? undefined : request);
  }
  return { kind: 'resources-assigned', slot, resources, interrupts, tokenCells };
}

type CreateName = 'CREATE_INTERRUPT' | 'CREATE_INTERRUPT2' | 'CREATE_INTERRUPT3';

function decodeCreate(name: CreateName, payload: Uint8Array, form: DescriptorForm): GuestMessage | Refusal {
  const { slot, interrupt } = M[name].layout.decode(payload);
  const request = decodeDescriptor(interrupt, form);
  if (typeof request === 'string') return refuse(BAD_DATA, `${name}: ${request}`);
  if (request.vectorCount === 0) return refuse(BAD_DATA, `${name} for no vector (1…${MAX_VECTORS_PER_REQUEST})`);
  return { kind: 'create-interrupt', slot, request };
}
