import assert from 'node:assert/strict';
import test from 'node:test';
import { problemResponse } from '../problem/problem.ts';
import { newRouter } from '../routes/route-parts.ts';
import { boundedRequests } from './bounded-requests.ts';

const env = { caller: { userId: 0, processId: 1, command: 'test' } };

test('so many requests at once and no more; those that are answered make room', async () => {
  const gates: (() => void)[] = [];
  const app = newRouter();
  app.use(boundedRequests(2));
  app.onError((error) => problemResponse(error));
  app.get('/slow', async (context) => {
    await new Promise<void>((resolve) => gates.push(resolve));
    return context.text('done');
  });
  const ask = async (): Promise<Response> => app.request('/slow', {}, env);
  const running = [ask(), ask()];
  while (gates.length < 2) await new Promise((resolve) => setImmediate(resolve));
  const refused = await ask();
  assert.deepEqual([refused.status, refused.headers.get('retry-after')], [503, '1']);
  assert.equal(((await refused.json()) as { code: string }).code, 'daemon-busy');
  for (const open of gates) open();
  assert.deepEqual(
    (await Promise.all(running)).map(({ status }) => status),
    [200, 200],
  );
  const later = ask();
  while (gates.length < 3) await new Promise((resolve) => setImmediate(resolve));
  gates[2]?.();
  assert.equal((await later).status, 200);
});
