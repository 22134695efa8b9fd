import { type BarResources, decodeBarResources, encodeBarResources } from '../../bar-resources.ts';
import type { InterruptRequest } from '../../interrupt-tokens.ts';
import type { Slot } from '../../slot.ts';
import { encodeRequest } from '../../wire/encode-guest.ts';
import { type DescriptorForm, encodeDescriptor } from '../../wire/msi-descriptors.ts';
import { REPLIES } from '../../wire/replies.ts';
import { cells, joinCells, withTail } from '../../wire/shape.ts';
import { CELLS, MSI_TOKEN } from '../../wire/structures.ts';
import { VpciVersion } from '../../wire/version.ts';
import type { AssignedBar, AssignedResources } from './irp.ts';

/** The pair that a message is programmed with. */
export interface MessageToken {
  readonly address: bigint;
  readonly data: number;
}

interface Form {
  readonly name: 'RESOURCES_ASSIGNED' | 'RESOURCES_ASSIGNED2' | 'RESOURCES_ASSIGNED3';
  readonly descriptor: DescriptorForm;
  readonly descriptorBytes: number;
  readonly tokenBytes: number;
}

/** The form of RESOURCES_ASSIGNED that a Windows guest uses with a version (OpenVMM vm/devices/pci/vpci_protocol). */
function formOf(version: number): Form {
  if (version >= VpciVersion.V1_4) {
    const descriptorBytes = CELLS.descriptor3.cellBytes;
    return { name: 'RESOURCES_ASSIGNED3', descriptor: 3, descriptorBytes, tokenBytes: CELLS.token2.cellBytes };
  }
  if (version >= VpciVersion.V1_2) {
    const descriptorBytes = CELLS.descriptor2.cellBytes;
    return { name: 'RESOURCES_ASSIGNED2', descriptor: 2, descriptorBytes, tokenBytes: CELLS.token2.cellBytes };
  }
  const descriptorBytes = CELLS.descriptor.cellBytes;
  return { name: 'RESOURCES_ASSIGNED', descriptor: 1, descriptorBytes, tokenBytes: CELLS.token.cellBytes };
}

/** All that was assigned, filled in; a descriptor for each message. */
export function encodeAssignment(version: number, slot: Slot, { bars, messages }: AssignedResources): Uint8Array {
  const { name, descriptor, descriptorBytes } = formOf(version);
  const resources = encodeBarResources(
    Array.from({ length: 6 }, (_, index) => {
      const bar = bars.find((candidate) => candidate.index === index);
      return bar && { address: BigInt(bar.gpa), lengthBytes: BigInt(bar.sizeBytes) };
    }),
  );
  const fixed = encodeRequest(name, { slot, resources, descriptorCount: messages.length });
  const descriptors = messages.map(({ vector, vp }) => {
    const request: InterruptRequest = { vector, vectorCount: 1, deliveryMode: 'fixed', vps: [vp] };
    return encodeDescriptor(request, descriptor);
  });
  return withTail(fixed, joinCells(descriptors, descriptorBytes));
}

/** A token for each message; a text says why there is none. */
export function decodeAssignment(version: number, reply: Uint8Array, count: number): readonly MessageToken[] | string {
  const { layout } = REPLIES.ASSIGNED2;
  if (reply.byteLength < layout.sizeBytes) return `an answer of ${reply.byteLength} bytes, too short for resources`;
  const { tokenCount } = layout.decode(reply);
  const { tokenBytes } = formOf(version);
  const room = Math.floor((reply.byteLength - layout.sizeBytes) / tokenBytes);
  if (tokenCount !== count || room < count) return `${tokenCount} tokens in room for ${room}, for ${count} messages`;
  return cells(reply.subarray(layout.sizeBytes), tokenBytes, count).map((cell) => {
    const { address, data } = MSI_TOKEN.decode(cell);
    return { address, data };
  });
}

/** Where the host says that the BARs are; a text says what is wrong with the answer. */
export function decodeCurrentResources(reply: Uint8Array): readonly AssignedBar[] | string {
  const { layout } = REPLIES.CURRENT_RESOURCES;
  if (reply.byteLength < layout.sizeBytes)
    return `an answer of ${reply.byteLength} bytes, too short for a resource list`;
  const resources: BarResources | string = decodeBarResources(layout.decode(reply).resources);
  if (typeof resources === 'string') return resources;
  return resources.flatMap((resource, index) =>
    resource === undefined ? [] : [{ index, gpa: Number(resource.address), sizeBytes: Number(resource.lengthBytes) }],
  );
}
