import { type Guid, parseGuid, ZERO_GUID } from '../../hyperv/index.ts';
import { type ChannelIdentity, MessageType } from '../../vmbus/index.ts';
import { GUEST_MESSAGES, HOST_MESSAGES, VPCI_INTERFACE_ID } from '../../vpci/index.ts';
import { drain, steppingTrace } from './conversation.ts';

const channel = (interfaceId: Guid, name: string): ChannelIdentity => ({
  relid: 2047,
  interfaceId,
  instanceId: parseGuid('12345678-9bcd-1234-0000-00000000000a'),
  name,
});

/** Bytes that look like something at every place, the same each time. */
function noise(sizeBytes: number, seed: number): Uint8Array {
  return Uint8Array.from({ length: sizeBytes }, (_, i) => (i * 37 + seed * 101 + ((i * i) >> 3)) & 0xff);
}

function withType(type: number, body: Uint8Array): Uint8Array {
  const bytes = body.slice();
  if (bytes.byteLength >= 4) new DataView(bytes.buffer).setUint32(0, type, true);
  return bytes;
}

/**
 * What no honest guest sends: every message of either side at many lengths, full of rubbish; unknown ones; completions of nothing;
 * a channel that speaks something else; packets that are cut off.
 */
export function oddRecords(): Uint8Array[] {
  const records: Uint8Array[] = [];
  const trace = steppingTrace(4 * 1024 * 1024);
  const reader = trace.open(() => undefined);
  const { recorder } = trace;
  if (recorder === undefined) throw new Error('nothing records');
  const bus = channel(VPCI_INTERFACE_ID, '0000:01:00.0');
  for (const sizeBytes of [0, 3, 4, 8, 24, 56, 64, 140, 200, 600]) {
    for (const type of [...Object.values(MessageType), 0, 99]) {
      recorder.posted(1, 1, withType(type, noise(Math.min(sizeBytes, 240), type)));
    }
    for (const { messageType } of [
      ...Object.values(GUEST_MESSAGES),
      ...Object.values(HOST_MESSAGES),
      { messageType: 7 },
    ]) {
      const payload = withType(messageType, noise(sizeBytes, messageType));
      const packet = {
        kind: 'in-band',
        transactionId: BigInt(messageType) << 32n,
        completionRequested: true,
        payload,
      } as const;
      recorder.packetFromGuest(bus, packet);
      recorder.packetToGuest(bus, { ...packet, completionRequested: false });
      // Some are refusals, some as long as the request's answer, with a count that is too large.
      const answer = withType(sizeBytes % 3 === 0 ? 0xc000_000d : 0, noise(sizeBytes, messageType + 1));
      recorder.packetToGuest(bus, { ...packet, kind: 'completion', completionRequested: false, payload: answer });
    }
    recorder.hypercall(63, { control: 0xffff_0000_007en, input: 1n << 63n, output: 0n }, noise(sizeBytes, 5));
    recorder.hypercallEnded(0xabcdn);
  }
  const other = channel(ZERO_GUID, '');
  const completion = {
    kind: 'completion',
    transactionId: 5n,
    completionRequested: false,
    payload: noise(16, 9),
  } as const;
  recorder.packetFromGuest(other, { ...completion, kind: 'in-band' });
  recorder.packetToGuest(other, completion);
  recorder.packetFromGuest(bus, completion);
  recorder.packetFromGuest(bus, { ...completion, kind: 'in-band', payload: noise(100_000, 3) });
  recorder.posted(1, 9, noise(40, 1));
  recorder.channelBecame(bus, 'faulted', 'packet type 7; only in-band packets and completions are served');
  recorder.channelBecame(other, 'released', '');
  records.push(...drain(reader));
  reader.close();
  return records;
}
