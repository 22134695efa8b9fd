import type { GuestMessageName } from '../wire/guest-messages.ts';
import { VpciVersion } from '../wire/version.ts';

/** How a guest sends one message. */
export interface SentMessage {
  readonly completion: boolean;
  /** On the ring: padded to 8. */
  readonly bytes: readonly number[];
  readonly versions: readonly VpciVersion[];
}

const { V1_1, V1_2, V1_3, V1_4 } = VpciVersion;
const ALL = [V1_1, V1_2, V1_3, V1_4];

const sent = (completion: boolean, bytes: number, versions: readonly VpciVersion[] = ALL): SentMessage => ({
  completion,
  bytes: [bytes],
  versions,
});

/**
 * What an unmodified Debian guest sends (Linux 6.1.192): lengths as on its ring, recorded, save RESOURCES_RELEASED, which was
 * read from its source. READ_BLOCK and WRITE_BLOCK are left out: it sends them for drivers that have a side channel to their
 * host, which no NVMe driver has.
 */
export const DEBIAN_MESSAGES: ReadonlyMap<GuestMessageName, SentMessage> = new Map<GuestMessageName, SentMessage>([
  ['QUERY_PROTOCOL_VERSION', sent(true, 8)],
  ['QUERY_BUS_RELATIONS', sent(false, 8)],
  ['QUERY_RESOURCE_REQUIREMENTS', sent(true, 8)],
  ['BUS_D0ENTRY', sent(true, 16)],
  ['BUS_D0EXIT', sent(true, 8)],
  ['EJECTION_COMPLETE', sent(false, 16)],
  ['RESOURCES_ASSIGNED', sent(true, 152, [V1_1])],
  ['RESOURCES_ASSIGNED2', sent(true, 208, [V1_2, V1_3, V1_4])],
  ['RESOURCES_RELEASED', sent(false, 8)],
  ['CREATE_INTERRUPT', sent(true, 24, [V1_1])],
  ['CREATE_INTERRUPT2', sent(true, 80, [V1_2, V1_3])],
  ['CREATE_INTERRUPT3', sent(true, 88, [V1_4])],
  ['DELETE_INTERRUPT', sent(false, 24)],
]);
