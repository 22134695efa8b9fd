import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ClientChannel, ClientPacket, ClientRequest } from '../../vmbus/index.ts';
import { encodeEject } from '../wire/encode-host.ts';
import type { HostMessage } from '../wire/decode-host.ts';
import { GuestThreads, type Steps } from './guest-threads.ts';
import { HostLink } from './host-link.ts';

/** A channel whose host says what the test says. */
class SilentChannel implements ClientChannel {
  readonly sent: ClientRequest[] = [];
  closed = 0;
  onPacket: (packet: ClientPacket) => void = () => undefined;

  send(request: ClientRequest): void {
    this.sent.push(request);
  }

  close(): void {
    this.closed += 1;
  }

  complete(transactionId: bigint, sizeBytes = 8): void {
    this.onPacket({ kind: 'completion', transactionId, payload: new Uint8Array(sizeBytes).fill(7) });
  }
}

function opened(options?: { readonly dropsShortPackets: boolean }) {
  const heard: HostMessage[] = [];
  const counts = { changes: 0 };
  const link = new HostLink(
    (message) => heard.push(message),
    () => {
      counts.changes += 1;
    },
    options,
  );
  const channel = new SilentChannel();
  link.opened(channel);
  return { link, channel, heard, counts };
}

const payload = Uint8Array.of(1, 2, 3, 4);

test('a request goes out with an id of its own, and its completion comes back', () => {
  const { link, channel, counts } = opened();
  const [first, second] = [link.ask(payload), link.ask(payload)];
  assert.deepEqual(channel.sent, [
    { payload, transactionId: 1n, completionRequested: true },
    { payload, transactionId: 2n, completionRequested: true },
  ]);
  assert.equal(link.outstanding, 2);
  channel.complete(2n);
  assert.deepEqual([first?.reply, second?.reply?.byteLength], [undefined, 8]);
  assert.deepEqual([link.outstanding, counts.changes], [1, 1]);
  assert.equal(link.ask(payload)?.id, 2n, 'an id that is free again');
});

test('no more than 64 completions are due at a time', () => {
  const { link, channel } = opened();
  for (let count = 0; count < 64; count += 1) assert.ok(link.ask(payload));
  assert.equal(link.ask(payload), undefined);
  assert.equal(channel.sent.length, 64);
  channel.complete(10n);
  assert.equal(link.ask(payload)?.id, 10n);
});

test('what answers nothing is counted and dropped: a second completion, one of a request that was given up', () => {
  const { link, channel } = opened();
  const transaction = link.ask(payload);
  assert.ok(transaction);
  channel.complete(1n);
  channel.complete(1n);
  assert.equal(link.ignored, 1);
  const given = link.ask(payload);
  assert.ok(given);
  link.abandon(transaction);
  assert.equal(link.outstanding, 1, 'another one has its id by now');
  link.abandon(given);
  channel.complete(1n);
  assert.deepEqual([given.reply, link.ignored, link.outstanding], [undefined, 2, 0]);
});

test('Linux drops packets of up to 20 bytes, header included; Windows doesn’t', () => {
  const linux = opened();
  linux.link.ask(payload);
  linux.channel.complete(1n, 4);
  assert.deepEqual([linux.link.outstanding, linux.link.ignored, linux.counts.changes], [1, 1, 0]);
  linux.channel.complete(1n, 5);
  assert.equal(linux.link.outstanding, 0);
  const windows = opened({ dropsShortPackets: false });
  windows.link.ask(payload);
  windows.channel.complete(1n, 0);
  assert.equal(windows.link.outstanding, 0);
});

test('in-band messages are heard; what is none is counted', () => {
  const { link, channel, heard, counts } = opened();
  channel.onPacket({ kind: 'in-band', transactionId: 0n, payload: encodeEject(3) });
  channel.onPacket({ kind: 'in-band', transactionId: 0n, payload: new Uint8Array(8) });
  assert.deepEqual(heard, [{ kind: 'eject', slot: 3 }]);
  assert.deepEqual([link.ignored, counts.changes], [1, 2]);
});

test('before it is opened, and after its end, nothing is sent and nothing heard', () => {
  const never = new HostLink(
    () => assert.fail(),
    () => assert.fail(),
  );
  never.tell(payload);
  never.close();
  assert.deepEqual([never.ended, never.ask(payload)], [true, undefined]);

  const { link, channel, heard, counts } = opened();
  link.tell(payload);
  assert.deepEqual(channel.sent, [{ payload }]);
  link.rescinded();
  assert.deepEqual([link.ended, counts.changes], [true, 1]);
  link.tell(payload);
  assert.equal(link.ask(payload), undefined);
  channel.onPacket({ kind: 'in-band', transactionId: 0n, payload: encodeEject(3) });
  link.close();
  assert.deepEqual([channel.sent.length, heard.length, channel.closed, counts.changes], [1, 0, 0, 1]);
});

test('closed once, and then opened anew: the channel before is not listened to, and nothing of it is due', () => {
  const { link, channel, heard } = opened();
  link.ask(payload);
  link.close();
  link.close();
  assert.equal(channel.closed, 1);
  const next = new SilentChannel();
  link.opened(next);
  assert.deepEqual([link.ended, link.outstanding], [false, 0]);
  channel.onPacket({ kind: 'in-band', transactionId: 0n, payload: encodeEject(3) });
  assert.equal(heard.length, 0);
  next.onPacket({ kind: 'in-band', transactionId: 0n, payload: encodeEject(4) });
  assert.equal(heard.length, 1);
});

/** Runs `steps` in a thread of its own; `outcome` is there once they have ended. */
function thread<T>(threads: GuestThreads, steps: Steps<T>): { outcome?: T } {
  const result: { outcome?: T } = {};
  threads.spawn(
    'test',
    (function* () {
      result.outcome = yield* steps;
    })(),
  );
  return result;
}

test('waiting for a completion: it comes, or the time is up, or the channel has ended', () => {
  const { link, channel } = opened();
  const threads = new GuestThreads();
  const answered = thread(threads, link.request('one', payload));
  threads.advance(10_000);
  assert.ok(!('outcome' in answered), 'however long it takes');
  channel.complete(1n);
  threads.run();
  assert.equal(answered.outcome?.byteLength, 8);

  const late = thread(threads, link.request('two', payload, 1000));
  threads.advance(999);
  assert.ok(!('outcome' in late));
  threads.advance(1);
  assert.deepEqual([late, link.outstanding], [{ outcome: undefined }, 0]);

  const ended = thread(threads, link.request('three', payload));
  link.rescinded();
  threads.advance(100);
  assert.deepEqual([ended, link.outstanding], [{ outcome: undefined }, 0]);
  assert.deepEqual(thread(threads, link.request('four', payload)), { outcome: undefined });
});

test('waiting for something to happen: it does, has, or the channel has ended', () => {
  const { link } = opened();
  const threads = new GuestThreads();
  let happened = false;
  const waiting = thread(
    threads,
    link.until('it', () => happened),
  );
  threads.advance(1000);
  assert.ok(!('outcome' in waiting));
  happened = true;
  threads.run();
  assert.equal(waiting.outcome, true);
  const never = thread(
    threads,
    link.until('never', () => false),
  );
  link.rescinded();
  threads.advance(100);
  assert.equal(never.outcome, false);
  assert.equal(
    thread(
      threads,
      link.until('it', () => happened),
    ).outcome,
    true,
  );
});
