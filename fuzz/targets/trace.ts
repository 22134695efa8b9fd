import { parseGuid, type Guid } from '../../src/hyperv/index.ts';
import { TraceEvent } from '../../src/api/schemas/trace.ts';
import { formatChannel, formatMessage } from '../../src/trace/format-record.ts';
import { capturePacket } from '../../src/trace/pcapng.ts';
import { readRecord, recordsIn, type TraceRecord } from '../../src/trace/read-record.ts';
import { recordJson } from '../../src/trace/record-json.ts';
import { MAX_CHUNK_BYTES, MAX_RECORD_PAYLOAD_BYTES } from '../../src/trace/record-layouts.ts';
import { Trace, type TraceReader } from '../../src/trace/trace.ts';
import type { ChannelIdentity } from '../../src/vmbus/index.ts';
import { VPCI_INTERFACE_ID } from '../../src/vpci/index.ts';
import type { Choices } from '../engine/choices.ts';
import type { Probe } from '../engine/probe.ts';
import type { Run, Target } from '../engine/target.ts';
import { chosenRecord, chunkOf, headerBytes, nameIn, statusIn, TEXTS } from './trace-records.ts';

/** One of the longest records and some; more than that makes room. */
const RING_BYTES = 48 * 1024;
const LONGEST_NOTE = 400;
/** Bytes of text for each byte of a record, and for one without any: names of fields are longer than small numbers. */
const TEXT_FOR_BYTE = 24;
const TEXT_FOR_RECORD = 4096;
/** More than a recorder waits for the completions of. */
const MANY_REQUESTS = 1030;
const PENDING = 0xffff;
const OTHER_INTERFACE = parseGuid('f8615163-df3e-46c5-913f-f2d2f965ed0e');
const STATES = ['queued', 'unannounced', 'offered', 'open', 'faulted', 'let-go', 'rescinded', 'released'] as const;

/** Records of a VM process that makes them up, and of one whose guest is up to no good. */
export const trace: Target = {
  name: 'trace',
  title: 'records of a trace that a VM process sends, and what its recorder makes of a guest',
  setupBytes: 2,
  operationBytes: 160,
  mostOperations: 60,
  workLimit: 1000,
  mostBetweenLooks: 20_000,
  begin: (_setup, probe) => new TraceRun(probe),
};

/** What was recorded, as it is to be read again. */
interface Recorded {
  payload: Uint8Array;
  readonly name: string | undefined;
  /** Of a hypercall. */
  status: number | undefined;
}

class TraceRun implements Run {
  readonly #probe: Probe;
  readonly #trace: Trace;
  readonly #channels: readonly ChannelIdentity[] = [
    channel(1, VPCI_INTERFACE_ID, '0000:01:00.0'),
    channel(2, OTHER_INTERFACE, 'a name that is longer than its field has room for'),
    channel(3, VPCI_INTERFACE_ID, ''),
  ];
  readonly #readers: { readonly reader: TraceReader; next: number }[] = [];
  #recorded: Recorded[] = [];
  #told = 0;
  #nowNs = 1_767_323_045_000_000_000n;

  constructor(probe: Probe) {
    this.#probe = probe;
    this.#trace = new Trace({
      nowNs: () => (this.#nowNs += 1n),
      schedule: (work) => work(),
      ringBytes: RING_BYTES,
    });
    this.#open();
  }

  operate(choices: Choices): void {
    switch (choices.below(8)) {
      case 0:
      case 1:
      case 2:
        this.#record(choices);
        break;
      case 3:
        this.#readSome(choices);
        break;
      case 4:
        if (choices.chance(96)) this.#openOrClose(choices);
        break;
      default:
        this.#hear(choices);
    }
  }

  finish(): void {
    for (const each of this.#readers) this.#readAll(each);
    for (const { reader } of this.#readers) reader.close();
    this.#probe.check(this.#trace.recorder === undefined, 'a VM records, and nobody reads');
  }

  /** A chunk from a VM process, which vouches for nothing. */
  #hear(choices: Choices): void {
    const records = Array.from({ length: 1 + choices.below(3) }, () => chosenRecord(choices));
    const chunk = chunkOf(records, choices);
    const found = recordsIn(chunk);
    this.#probe.note(1, found?.length ?? 0x100);
    if (found === undefined) {
      // Whoever has the records one by one is as careful.
      for (const record of records) this.#show(record, choices);
      return;
    }
    const view = new DataView(chunk.buffer, chunk.byteOffset);
    let at = 0;
    for (const record of found) {
      const told = view.getUint32(at, true);
      at += 4 + told;
      this.#probe.check(told === record.length, () => `a record of ${record.length} bytes that is told as ${told}`);
      this.#probe.check(this.#show(record, choices) !== undefined, 'a record was let through that nobody can read');
    }
    this.#probe.check(at === chunk.length, () => `records of ${at} bytes in a chunk of ${chunk.length}`);
  }

  /** As `dda trace` shows it, in words, in JSON and in a capture. */
  #show(record: Uint8Array, choices: Choices): TraceRecord | undefined {
    this.#probe.fed();
    const read = readRecord(record);
    if (read === undefined) return undefined;
    const { name, note, channel: from, kind, payloadBytes, cutBytes } = read;
    this.#probe.note(2, kind.length * 64 + name.length);
    this.#isPlain(name);
    this.#isPlain(note ?? '');
    this.#isPlain(from?.name ?? '');
    this.#probe.check((note?.length ?? 0) <= LONGEST_NOTE, () => `a note of ${note?.length} characters`);
    this.#probe.check(
      payloadBytes - cutBytes === record.length - headerBytes(record),
      () => `${payloadBytes} bytes, of which ${cutBytes} were cut off, in a record of ${record.length}`,
    );
    const line = `${formatChannel(read)} ${formatMessage(read)}`;
    const most = TEXT_FOR_RECORD + TEXT_FOR_BYTE * record.length;
    this.#isPlain(line);
    this.#probe.check(line.length <= most, () => `${line.length} characters for ${record.length} bytes`);
    this.#asJson(record, read, most);
    this.#capture(record, read, choices.chance(64) ? choices.word() : 0);
    return read;
  }

  #asJson(record: Uint8Array, read: TraceRecord, most: number): void {
    const { kind: recordKind, ...json } = recordJson(read);
    const event = { kind: 'record', recordKind, ...json, bytes: '' };
    const text = JSON.stringify(event);
    this.#probe.check(text.length <= most, () => `${text.length} characters of JSON for ${record.length} bytes`);
    this.#told += 1;
    if (this.#told % 4 !== 0) return;
    const checked = TraceEvent.safeParse(event);
    this.#probe.check(checked.success, () => `what the API sends is not what its document says: ${checked.error}`);
  }

  /** pcapng (draft-ietf-opsawg-pcapng): a block tells its length twice, and a packet is no longer than it was. */
  #capture(record: Uint8Array, { timeNs, cutBytes }: TraceRecord, lost: number): void {
    const block = capturePacket(record, timeNs, record.byteLength + cutBytes, lost);
    const view = new DataView(block.buffer);
    const [length, captured, original] = [4, 20, 24].map((at) => view.getUint32(at, true));
    this.#probe.check(
      block.length % 4 === 0 && length === block.length && view.getUint32(block.length - 4, true) === length,
      () => `a block of ${block.length} bytes that says it has ${length}`,
    );
    this.#probe.check(
      captured === record.length && (original ?? 0) >= record.length,
      () => `${captured} bytes of ${original} in a capture`,
    );
  }

  /** What the VM process of an honest host records of a guest that isn't. */
  #record(choices: Choices): void {
    const { recorder } = this.#trace;
    if (recorder === undefined) return;
    const payload = choices.bytes(choices.below(64));
    const long = choices.chance(24) ? new Uint8Array(choices.below(64) * 1024) : payload;
    const from = choices.pick(this.#channels) ?? this.#channels[0];
    if (from === undefined) return;
    const kind = choices.chance(128) ? 'in-band' : 'completion';
    const packet = { kind, transactionId: BigInt(choices.below(6)), completionRequested: choices.chance(128) } as const;
    const keep = (bytes: Uint8Array, name?: string): Recorded => {
      const recorded = { payload: bytes.slice(0, MAX_RECORD_PAYLOAD_BYTES), name, status: undefined };
      this.#recorded.push(recorded);
      return recorded;
    };
    switch (choices.below(6)) {
      case 0:
        return this.#recordHypercall(payload, choices);
      case 1:
        keep(payload);
        return recorder.posted(choices.word(), choices.chance(32) ? choices.word() : 1, payload);
      case 2:
        keep(payload);
        return recorder.sent(choices.below(4), 1, payload);
      case 3:
        keep(new Uint8Array());
        return recorder.signalled(choices.below(4), choices.below(2048));
      case 4: {
        const why = choices.pick(TEXTS);
        keep(new TextEncoder().encode(why), from.name);
        return recorder.channelBecame(from, choices.pick(STATES), why);
      }
      default:
        if (choices.chance(10)) return this.#recordMany(from);
        keep(long, from.name);
        if (choices.chance(128)) recorder.packetFromGuest(from, { ...packet, payload: long });
        else recorder.packetToGuest(from, { ...packet, payload: long });
    }
  }

  /** More requests than are waited for. */
  #recordMany(from: ChannelIdentity): void {
    const payload = new Uint8Array();
    for (let i = 0; i < MANY_REQUESTS; i += 1) {
      this.#probe.work = 0;
      this.#recorded.push({ payload, name: from.name, status: undefined });
      const packet = { kind: 'in-band', transactionId: BigInt(0x100 + i), completionRequested: true, payload } as const;
      this.#trace.recorder?.packetFromGuest(from, packet);
    }
  }

  /** And what it led to before it returned. */
  #recordHypercall(input: Uint8Array, choices: Choices): void {
    const { recorder } = this.#trace;
    const recorded: Recorded = { payload: input, name: undefined, status: PENDING };
    this.#recorded.push(recorded);
    const control = choices.chance(64) ? choices.long() : BigInt(choices.pick([0x5c, 0x5d, 0x7e] as const));
    // Somebody began to record while another call was under way.
    if (choices.chance(12)) recorder?.hypercallEnded(0n);
    const hasInput = !choices.chance(24);
    if (!hasInput) recorded.payload = new Uint8Array();
    recorder?.hypercall(choices.below(4), { control, input: choices.long(), output: 0n }, hasInput ? input : undefined);
    for (let count = choices.chance(24) ? choices.below(4) : 0; count > 0; count -= 1) {
      const led = new Uint8Array(choices.below(40) * 1024);
      this.#recorded.push({ payload: led, name: undefined, status: undefined });
      recorder?.sent(0, 1, led);
    }
    if (choices.chance(24)) return;
    const status = choices.below(32);
    recorder?.hypercallEnded(BigInt(status));
    recorded.status = status;
  }

  #open(): void {
    this.#readers.push({ reader: this.#trace.open(() => this.#probe.step()), next: this.#recorded.length });
  }

  #openOrClose(choices: Choices): void {
    if (this.#readers.length < 3 && choices.chance(128)) return this.#open();
    const [last] = this.#readers.splice(choices.below(this.#readers.length), 1);
    last?.reader.close();
    if (this.#readers.length > 0) return;
    // Nobody reads: it is all gone, and counted anew.
    this.#recorded = [];
    this.#open();
  }

  #readSome(choices: Choices): void {
    const each = choices.pick(this.#readers);
    if (each === undefined) return;
    if (choices.chance(64)) this.#readAll(each);
    else this.#take(each, choices.chance(128) ? MAX_CHUNK_BYTES : 1 + choices.below(4096));
  }

  #readAll(each: { readonly reader: TraceReader; next: number }): void {
    while (this.#take(each, MAX_CHUNK_BYTES)) this.#probe.step();
    this.#probe.check(
      each.next === this.#recorded.length,
      () => `of ${this.#recorded.length} records a reader knows of ${each.next}`,
    );
  }

  /** What a reader is given is what was recorded, or it is told how much of that is gone. */
  #take(each: { readonly reader: TraceReader; next: number }, maxBytes: number): boolean {
    const chunk = each.reader.read(maxBytes);
    if (chunk === undefined) return false;
    const records = recordsIn(chunk.records);
    if (records === undefined) return this.#probe.fail('what a VM recorded is no chunk of records');
    this.#probe.check(chunk.records.length <= Math.max(maxBytes, MAX_CHUNK_BYTES), 'a chunk is too long');
    this.#probe.note(3, Math.min(chunk.lost, 40) * 64 + Math.min(records.length, 40));
    each.next += chunk.lost;
    for (const record of records) {
      const expected = this.#recorded[each.next];
      const read = readRecord(record);
      if (expected === undefined || read === undefined) return this.#probe.fail('a record that nobody recorded');
      this.#probe.check(read.sequence === each.next, () => `record ${read.sequence} in the place of ${each.next}`);
      const isSame = Buffer.compare(record.subarray(headerBytes(record)), expected.payload) === 0;
      this.#probe.check(isSame, 'a record has other bytes than were recorded');
      if (expected.status !== undefined) this.#probe.check(statusIn(record) === expected.status, 'another status');
      const { name } = expected;
      this.#probe.check(name === undefined || name.startsWith(nameIn(record)), 'a channel has another name');
      each.next += 1;
    }
    return records.length > 0;
  }

  #isPlain(text: string): void {
    this.#probe.check(!/[^\P{C}\ufffd]/u.test(text), 'a text that steers a terminal');
  }
}

function channel(relid: number, interfaceId: Guid, name: string): ChannelIdentity {
  const instanceId = parseGuid(`00000000-9bcd-1234-0000-00000000000${relid}`);
  return { relid, interfaceId, instanceId, name };
}
