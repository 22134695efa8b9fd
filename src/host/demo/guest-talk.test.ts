import assert from 'node:assert/strict';
import test from 'node:test';
import { GuestTalk } from './guest-talk.ts';

function talk(): { readonly talk: GuestTalk; hear(text: string, atNs?: bigint): void } {
  const it = new GuestTalk({ deadlineMs: 20 });
  return { talk: it, hear: (text, atNs = 0n) => void it.receive(new TextEncoder().encode(text), atNs) };
}

test("lines come in pieces, with their first byte's time", async () => {
  const { talk: it, hear } = talk();
  hear('[    1.0] a kernel message\r\ndda-', 5n);
  hear('demo: cp', 6n);
  hear('us 4\r\ndda-demo: ready\r\n', 7n);
  const said = await it.next('cpus');
  assert.deepEqual([said.line.part('count'), said.firstByteNs], ['4', 5n]);
  assert.equal((await it.next('ready')).firstByteNs, 7n);
});

test('another line than the one that is due is a misunderstanding', async () => {
  const { talk: it, hear } = talk();
  hear('dda-demo: ready\n');
  await assert.rejects(it.next('kernel'), { code: 'demo-guest-misspoke' });
});

test("the guest's own word on what went wrong ends it", async () => {
  const { talk: it, hear } = talk();
  const waiting = it.next('written');
  hear('dda-demo: problem writing failed: No space left on device\n');
  await assert.rejects(waiting, { code: 'demo-guest-problem', message: /No space left on device/ });
});

test('silence ends at the deadline', async () => {
  await assert.rejects(talk().talk.next('ready'), { code: 'demo-guest-silent', message: /'ready' after 0.02 s/ });
});

test('a guest that ends fails the wait under way and later ones, but what it had said counts', async () => {
  const { talk: it, hear } = talk();
  const waiting = it.next('kernel');
  it.fail(new Error('the guest ended'));
  await assert.rejects(waiting, /the guest ended/);
  hear('dda-demo: ready\n');
  await it.next('ready');
  await assert.rejects(it.next('gone'), /the guest ended/);
});

test('a guest that talks without end is stopped, and its lines are cut', async () => {
  const { talk: it, hear } = talk();
  hear('x'.repeat(100_000));
  hear('\n');
  for (let count = 0; count <= 32; count++) hear('dda-demo: ready\n');
  for (let count = 0; count < 32; count++) await it.next('ready');
  await assert.rejects(it.next('ready'), { code: 'demo-guest-misspoke' });
});
