import type { GuestMessageName } from '../wire/guest-messages.ts';
import { HOST_MESSAGES } from '../wire/host-messages.ts';
import { NtStatus } from '../wire/status.ts';
import { encodeStatus } from '../wire/encode-host.ts';
import type { GuestPacket, HostControl, HostFault, HostPacket } from './faulty-host.ts';

/** NTSTATUS of a host that can't map the config window where the guest wants it (Linux's commit of 2026 names it). */
const WINDOW_REFUSED = 0xc037_0048;
/** HV_STATUS_INVALID_PARAMETER. */
const RETARGET_REFUSED = 5;
const CREATE = /^CREATE_INTERRUPT/;
const ASSIGNED = /^RESOURCES_ASSIGNED/;
const RELATIONS = [HOST_MESSAGES.BUS_RELATIONS.messageType, HOST_MESSAGES.BUS_RELATIONS2.messageType] as const;

/** Does `work` when the guest first sends such a message; what it returns says whether the provider is kept from seeing it. */
function once(name: RegExp, work: (packet: GuestPacket, host: HostControl) => boolean): HostFault {
  let done = false;
  return {
    fromGuest: (packet, host) => {
      if (done || packet.name === undefined || !name.test(packet.name)) return false;
      done = true;
      return work(packet, host);
    },
  };
}

/** The provider sees the message, and answers; then `work`. */
function after(name: RegExp, work: (host: HostControl, packet: GuestPacket) => void): HostFault {
  return once(name, (packet, host) => {
    host.pass(packet);
    work(host, packet);
    return true;
  });
}

function complete({ transactionId }: GuestPacket, status: number): HostPacket {
  return { kind: 'completion', transactionId, payload: encodeStatus(status) };
}

function isRelations({ kind, payload }: HostPacket): boolean {
  const type = new DataView(payload.buffer, payload.byteOffset).getUint32(0, true);
  return kind === 'in-band' && RELATIONS.some((each) => each === type);
}

const NO_FUNCTIONS: HostPacket = {
  kind: 'in-band',
  payload: HOST_MESSAGES.BUS_RELATIONS2.layout.encode({
    type: HOST_MESSAGES.BUS_RELATIONS2.messageType,
    functionCount: 0,
  }),
};

/**
 * What a host can do that has broken guests' drivers, each by its name and ready to be put before a provider. Each call makes a
 * fresh one; docs/front-ends.md has them with the bugs they stand for.
 */
export const HOST_FAULTS = {
  /** The function is taken away while the guest works on relations; nothing more is answered. */
  'remove-during-relations': () =>
    once(/^QUERY_RESOURCE_REQUIREMENTS$/, (_packet, host) => {
      host.rescind(true);
      return true;
    }),
  'eject-during-interrupt-creation': () =>
    once(CREATE, (packet, host) => {
      host.eject();
      host.pass(packet);
      return true;
    }),
  /** EJECT before there is a root bus; the offer is rescinded the moment the guest has let go. */
  'eject-before-bus': (): HostFault => {
    const eject = after(/^BUS_D0ENTRY$/, (host) => host.eject());
    const rescind = after(/^EJECTION_COMPLETE$/, (host) => host.rescind());
    return {
      fromGuest: (packet, host) =>
        eject.fromGuest?.(packet, host) === true || rescind.fromGuest?.(packet, host) === true,
    };
  },
  'eject-then-rescind': () =>
    after(ASSIGNED, (host) => {
      host.eject();
      host.rescind(true);
    }),
  'eject-during-scan': () => after(ASSIGNED, (host) => host.eject()),
  /** Relations without the function while the guest leaves the bus. */
  'relations-during-removal': (): HostFault => ({
    fromGuest: ({ name }, host) => {
      if (name === 'DELETE_INTERRUPT' || name === 'BUS_D0EXIT') host.send(NO_FUNCTIONS);
      return false;
    },
  }),
  'd0-exit-silent': (): HostFault => ({ fromGuest: ({ name }) => name === 'BUS_D0EXIT' }),
  /** BARs answer nothing from the moment the guest releases its resources, or leaves D0. */
  'bars-gone-at-release': () =>
    once(/^(RESOURCES_RELEASED|BUS_D0EXIT)$/, (_packet, host) => {
      host.yankBars(true);
      return false;
    }),
  'rescind-mid-handshake': (at: GuestMessageName = 'BUS_D0ENTRY') =>
    once(new RegExp(`^${at}$`), (_packet, host) => {
      host.rescind();
      return true;
    }),
  'completion-after-rescind': () =>
    once(/^BUS_D0ENTRY$/, (packet, host) => {
      host.rescind();
      host.haunt(complete(packet, NtStatus.SUCCESS));
      return true;
    }),
  'msi-never-completes': (): HostFault => ({ fromGuest: ({ name }) => name !== undefined && CREATE.test(name) }),
  'msi-completes-after-eject': () =>
    once(CREATE, (packet, host) => {
      host.eject();
      host.after(50, () => host.pass(packet));
      return true;
    }),
  'retarget-refused': () =>
    once(ASSIGNED, (_packet, host) => {
      host.answerRetargets(RETARGET_REFUSED);
      return false;
    }),
  /** D0 is refused once: a crashed kernel held the resources. */
  'd0-invalid-state': () =>
    once(/^BUS_D0ENTRY$/, (packet, host) => {
      host.send(complete(packet, NtStatus.INVALID_DEVICE_STATE));
      return true;
    }),
  /** The answer to the query takes half a second, and the same relations come once more long after. */
  'late-relations': (): HostFault => ({
    toGuest: (packet, _answers, host) => {
      if (!isRelations(packet)) return [packet];
      const again = { ...packet, payload: packet.payload.slice() };
      host.after(500, () => host.send(again));
      host.after(5000, () => host.send(again));
      return [];
    },
  }),
  /** Retargets fail while the channel is closed, and the host has forgotten every message when it is opened again. */
  'mappings-dropped-over-resume': (): HostFault => ({
    fromGuest: ({ name }, host) => {
      if (name === 'BUS_D0EXIT') host.answerRetargets(RETARGET_REFUSED);
      if (name === 'BUS_D0ENTRY') host.answerRetargets(undefined);
      return false;
    },
  }),
  'numa-node-out-of-range': (): HostFault => ({
    toGuest: (packet) => {
      if (!isRelations(packet) || packet.payload.byteLength < 36) return [packet];
      const payload = packet.payload.slice();
      const view = new DataView(payload.buffer);
      view.setUint32(8 + 20, 1, true);
      view.setUint16(8 + 24, 0x7fff, true);
      return [{ ...packet, payload }];
    },
  }),
  'config-window-refused': (): HostFault => ({
    fromGuest: (packet, host) => {
      if (packet.name !== 'BUS_D0ENTRY') return false;
      host.send(complete(packet, WINDOW_REFUSED));
      return true;
    },
  }),
  /** The first version is refused, whatever the provider speaks; `status` other than a revision mismatch ends the probe. */
  'version-downgrade': (status: number = NtStatus.REVISION_MISMATCH) =>
    once(/^QUERY_PROTOCOL_VERSION$/, (packet, host) => {
      host.send(complete(packet, status));
      return true;
    }),
  /** The function's BARs answer nothing from the moment the guest is asked to let go. */
  'bar-yank-during-eject': (): HostFault => ({
    toGuest: (packet, _answers, host) => {
      const type = new DataView(packet.payload.buffer, packet.payload.byteOffset).getUint32(0, true);
      if (packet.kind === 'in-band' && type === HOST_MESSAGES.EJECT.messageType) host.yankBars(true);
      return [packet];
    },
  }),
  /** The function is there and gone again before the guest has looked at its ring. */
  'removed-during-callback': () => after(/^QUERY_BUS_RELATIONS$/, (host) => host.send(NO_FUNCTIONS)),
  /** Each completion comes among others that answer nothing, and comes twice. */
  'forged-transaction': (): HostFault => ({
    toGuest: (packet) => {
      if (packet.kind !== 'completion') return [packet];
      const forged = [0n, packet.transactionId + 1n, 65n, 1n << 60n].map(
        (transactionId): HostPacket => ({
          kind: 'completion',
          transactionId,
          payload: encodeStatus(NtStatus.BAD_DATA),
        }),
      );
      return [...forged, packet, packet];
    },
  }),
  /** Pieces of each in-band packet come first; interrupts are completed with a status and no token. */
  'short-packet': (): HostFault => ({
    toGuest: (packet, answers) => {
      const { payload } = packet;
      if (packet.kind === 'in-band') {
        const pieces = [0, 4, payload.byteLength - 8].map(
          (length): HostPacket => ({
            ...packet,
            payload: payload.slice(0, length),
          }),
        );
        return [...pieces, packet];
      }
      const cut = answers !== undefined && CREATE.test(answers);
      return [cut ? { ...packet, payload: payload.slice(0, 8) } : packet];
    },
  }),
} as const;

export type HostFaultName = keyof typeof HOST_FAULTS;
