import type { Slot } from '../../slot.ts';
import { encodeRequest } from '../../wire/encode-guest.ts';
import { REPLIES } from '../../wire/replies.ts';
import { formatStatus, isFailure, NtStatus } from '../../wire/status.ts';
import { formatVersion, VpciVersion } from '../../wire/version.ts';
import type { Steps } from '../guest-threads.ts';
import type { HostLink } from '../host-link.ts';
import type { Children } from './children.ts';
import { ProbeFailure } from './probe-failure.ts';

/** In the order in which Linux 6.1 asks for them (drivers/pci/controller/pci-hyperv.c, pci_protocol_versions). */
export const LINUX_VERSIONS: readonly VpciVersion[] = [
  VpciVersion.V1_4,
  VpciVersion.V1_3,
  VpciVersion.V1_2,
  VpciVersion.V1_1,
];

/** Leaving D0 is the one answer that Linux doesn't wait for longer than it takes (hv_pci_bus_exit). */
export const D0_EXIT_TIMEOUT_MS = 10_000;

/** How many bytes of RESOURCES_ASSIGNED and RESOURCES_ASSIGNED2 Linux sends: room for one descriptor, unused. */
const ASSIGNED_BYTES = { v1: 148, v2: 202 } as const;

/** The status of an answer; a probe that gets none is over. */
function* statusOf(link: HostLink, label: string, payload: Uint8Array): Steps<number> {
  const reply = yield* link.request(label, payload);
  if (reply === undefined) throw new ProbeFailure('ENODEV', `${label}: the channel is gone`);
  return REPLIES.STATUS.layout.decode(reply).status;
}

/** The first version the host agrees to. Only a revision mismatch lets Linux ask for another. */
export function* negotiate(link: HostLink, versions: readonly VpciVersion[]): Steps<VpciVersion> {
  for (const version of versions) {
    const label = `version ${formatVersion(version)}`;
    const status = yield* statusOf(link, label, encodeRequest('QUERY_PROTOCOL_VERSION', { version }));
    if (!isFailure(status)) return version;
    if (status !== NtStatus.REVISION_MISMATCH) throw new ProbeFailure('EPROTO', `${label}: ${formatStatus(status)}`);
  }
  throw new ProbeFailure('EPROTO', 'the host speaks no version that this driver does');
}

/** Six BAR masks, zeros where the host refuses. Undefined: the channel is gone. */
export function* queryBarMasks(
  link: HostLink,
  slot: Slot,
  log: (text: string) => void,
): Steps<readonly number[] | undefined> {
  const reply = yield* link.request('requirements', encodeRequest('QUERY_RESOURCE_REQUIREMENTS', { slot }));
  if (reply === undefined) return undefined;
  const { status } = REPLIES.STATUS.layout.decode(reply);
  const { layout } = REPLIES.REQUIREMENTS;
  if (isFailure(status) || reply.byteLength < layout.sizeBytes) {
    log(`no resource requirements: ${formatStatus(status)} in ${reply.byteLength} bytes`);
    return [0, 0, 0, 0, 0, 0];
  }
  const { barMasks } = layout.decode(reply);
  const view = new DataView(barMasks.buffer, barMasks.byteOffset);
  return Array.from({ length: 6 }, (_, i) => view.getUint32(4 * i, true));
}

/** A refusal is answered once by leaving what a forerunner may have held, and another try. */
export function* enterD0(link: HostLink, windowGpa: number, leave: () => Steps<void>): Steps<void> {
  const entry = encodeRequest('BUS_D0ENTRY', { windowGpa: BigInt(windowGpa) });
  const first = yield* statusOf(link, 'D0 entry', entry);
  if (!isFailure(first)) return;
  yield* leave();
  const second = yield* statusOf(link, 'D0 entry again', entry);
  if (isFailure(second)) throw new ProbeFailure('EPROTO', `D0 entry: ${formatStatus(second)}`);
}

/** Nothing is assigned by it: Linux fills in no resource and no descriptor. */
export function* allocateResources(link: HostLink, version: VpciVersion, children: Children): Steps<void> {
  for (const slot of [...children.keys()].sort((a, b) => a - b)) {
    // One that was ejected meanwhile has no resources to be given.
    if (!children.has(slot)) continue;
    const status = yield* statusOf(link, 'resources', resourcesAssigned(version, slot));
    if (isFailure(status)) throw new ProbeFailure('EPROTO', `resources: ${formatStatus(status)}`);
  }
}

function resourcesAssigned(version: VpciVersion, slot: Slot): Uint8Array {
  const v1 = version < VpciVersion.V1_2;
  const payload = new Uint8Array(v1 ? ASSIGNED_BYTES.v1 : ASSIGNED_BYTES.v2);
  payload.set(encodeRequest(v1 ? 'RESOURCES_ASSIGNED' : 'RESOURCES_ASSIGNED2', { slot }));
  return payload;
}
