import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import test from 'node:test';
import { HostError } from '../../host/index.ts';
import { ScriptedManager } from '../testing/scripted-manager.ts';
import { served } from '../testing/served.ts';

const bdf = '0000:01:00.0';

for (const [what, method, path, body, fields] of [
  ['a field that is missing', 'POST', '/v1/dismount', {}, [['json.functions', /expected array/]]],
  ['a field that nobody knows', 'POST', '/v1/mount', { functions: [bdf], froce: true }, [['json', /"froce"/]]],
  ['no function at all', 'POST', '/v1/mount', { functions: [] }, [['json.functions', />=1/]]],
  ['a wrong address', 'POST', '/v1/mount', { functions: [bdf, '1:0'] }, [['json.functions.1', /PCI address/]]],
  ['a wrong address in the path', 'GET', '/v1/functions/eth0', undefined, [['param.function', /PCI address/]]],
  ['a wrong name of a VM', 'POST', '/v1/vms/Web/stop', {}, [['param.vm', /a-z, 0-9/]]],
  [
    'several wrong fields',
    'POST',
    '/v1/vms',
    { name: 'web', spec: { memoryBytes: -1, cpuCount: 1, kernel: 'vmlinuz', commandLine: '' } },
    [
      ['json.spec.memoryBytes', />0/],
      ['json.spec.kernel', /absolute path/],
    ],
  ],
  ['a function that is neither', 'POST', '/v1/vms/web/loans', { function: 5 }, [['json.function', /expected string/]]],
  [
    'a deadline of two days',
    'DELETE',
    `/v1/vms/web/loans/${bdf}?deadlineMs=172800000`,
    undefined,
    [['query.deadlineMs', /<=86400000/]],
  ],
  ['a place that is none', 'DELETE', `/v1/vms/web/loans/${bdf}?to=moon`, undefined, [['query.to', /"pool"\|"host"/]]],
  ['a query that nobody knows', 'GET', '/v1/audit?limti=5', undefined, [['query', /"limti"/]]],
  ['a wrong id of an event', 'GET', '/v1/events', undefined, [['header.last-event-id', /no id/]]],
] as const) {
  test(`${what}: refused with the field, and the manager hears nothing`, async (t) => {
    const manager = new ScriptedManager();
    const { refused, fetch } = await served(t, manager);
    const problem =
      path === '/v1/events'
        ? ((await (await fetch(path, { headers: { 'last-event-id': 'x' } })).json()) as Awaited<
            ReturnType<typeof refused>
          >)
        : await refused(method, path, body);
    assert.deepEqual([problem.status, problem.code], [422, 'request-invalid']);
    assert.deepEqual(
      problem.fields?.map(({ field }) => field),
      fields.map(([field]) => field),
    );
    fields.forEach(([, told], i) => assert.match(problem.fields?.[i]?.problem ?? '', told));
    assert.match(problem.detail, /^Can't [A-Z]+ \/v1\/.*: the request does not fit: .*\. See \/openapi\.json/);
    assert.deepEqual(manager.asked, []);
  });
}

test('what is not JSON, of no media type, or too large', async (t) => {
  const manager = new ScriptedManager();
  const { fetch } = await served(t, manager);
  const post = async (body: string, type?: string): Promise<[number, string]> => {
    const headers = type === undefined ? {} : { 'content-type': type };
    const response = await fetch('/v1/pools', { method: 'POST', body, headers });
    assert.equal(response.headers.get('content-type'), 'application/problem+json');
    const { code } = (await response.json()) as { code: string };
    return [response.status, code];
  };
  assert.deepEqual(await post('{"name":', 'application/json'), [400, 'request-malformed']);
  assert.deepEqual(await post('{"name":"a"}'), [415, 'media-type-unsupported']);
  assert.deepEqual(await post('name=a', 'application/x-www-form-urlencoded'), [415, 'media-type-unsupported']);
  assert.deepEqual(await post(JSON.stringify({ name: 'a'.repeat(70_000) }), 'application/json'), [
    413,
    'request-too-large',
  ]);
  assert.deepEqual(manager.asked, []);
});

test('a body that does not say how large it is, is cut off all the same', async (t) => {
  const { socketPath } = await served(t, new ScriptedManager());
  const outgoing = request({
    socketPath,
    path: '/v1/pools',
    method: 'POST',
    headers: { 'content-type': 'application/json', 'transfer-encoding': 'chunked' },
  });
  // The daemon stops reading in the middle, which breaks the rest of the writing.
  outgoing.on('error', (error: NodeJS.ErrnoException) => assert.ok(['EPIPE', 'ECONNRESET'].includes(error.code ?? '')));
  for (let i = 0; i < 100; i += 1) outgoing.write('x'.repeat(1024));
  outgoing.end();
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  assert.equal(response.statusCode, 413);
  assert.equal(response.headers['content-type'], 'application/problem+json');
  response.resume();
});

test('an address with nothing there, and a method that it does not take', async (t) => {
  const { refused, fetch } = await served(t, new ScriptedManager());
  const nothing = await refused('GET', '/v2/functions');
  assert.deepEqual([nothing.status, nothing.code], [404, 'no-such-resource']);
  const wrong = await fetch('/v1/vms/web/loans', { method: 'PATCH' });
  assert.deepEqual([wrong.status, wrong.headers.get('allow')], [405, 'POST']);
  assert.equal(((await wrong.json()) as { code: string }).code, 'method-not-allowed');
});

test("the manager's refusal is a problem with its code, sentence and facts", async (t) => {
  const manager = new ScriptedManager();
  manager.refusal = new HostError('already-lent', {
    asked: `lend ${bdf} to web`,
    obstacle: 'db has it.',
    remedy: `Take it back first: dda remove db ${bdf}`,
    details: { function: bdf, vm: 'db' },
  });
  const { refused } = await served(t, manager);
  assert.deepEqual(await refused('POST', '/v1/vms/web/loans', { function: bdf }), {
    type: 'urn:dda:problem:already-lent',
    title: 'The VM has that function already.',
    status: 409,
    detail: `Can't lend ${bdf} to web: db has it. Take it back first: dda remove db ${bdf}`,
    code: 'already-lent',
    asked: `lend ${bdf} to web`,
    obstacle: 'db has it.',
    remedy: `Take it back first: dda remove db ${bdf}`,
    details: { function: bdf, vm: 'db' },
  });
});

test('a bug is a problem too, and is told to the log', async (t) => {
  const manager = new ScriptedManager();
  manager.refusal = new TypeError('oops');
  const { refused, failures } = await served(t, manager);
  const { status, code, detail } = await refused('POST', '/v1/pools', { name: 'fast' });
  assert.deepEqual([status, code, detail], [500, 'unexpected', 'oops']);
  assert.equal(failures[0]?.error, manager.refusal);
});

test('a function and a VM that are not there', async (t) => {
  const { refused } = await served(t, new ScriptedManager());
  const fn = await refused('GET', '/v1/functions/0000:09:00.0');
  assert.deepEqual([fn.status, fn.code], [404, 'no-such-function']);
  const vm = await refused('GET', '/v1/vms/none');
  assert.deepEqual([vm.status, vm.code], [404, 'no-such-vm']);
});
