import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { errorKinds, hostErrorKinds } from '../../host/index.ts';
import { apiErrorKinds } from '../errors.ts';
import { hostStatuses, statusByCode, statusByExitCode, statusOf } from './status.ts';

const text = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8');

test('every refusal of the host has a status of its own kind, and none is a success', () => {
  const statuses = hostStatuses();
  assert.deepEqual(Object.keys(statuses), Object.keys(hostErrorKinds));
  for (const code of Object.keys(errorKinds)) {
    const status = statusOf(code);
    assert.ok(status >= 400 && status < 600, `${code}: ${status}`);
  }
  assert.equal(statuses['no-such-vm'], 404);
  assert.equal(statuses['function-in-use'], 409);
  assert.equal(statuses['not-an-endpoint'], 422);
  assert.equal(statuses['not-permitted'], 403);
  assert.equal(statuses['vm-not-answering'], 504);
});

test('a code that nobody knows is a failure', () => {
  assert.equal(statusOf('something-new'), 500);
});

test('docs/errors.md has the status of every exit code, and where a code has another one', () => {
  const rows = [...text.matchAll(/^\| (\d+) \| (\d+|-) \| /gm)].map(([, exitCode, status]) => [exitCode, status]);
  const { 0: _, ...statuses } = statusByExitCode;
  const expected = Object.entries(statuses).map(([exitCode, status]) => [exitCode, String(status)]);
  assert.deepEqual(rows, [['0', '-'], ...expected]);
  for (const [code, status] of Object.entries(statusByCode)) assert.ok(text.includes(`\`${code}\` (${status})`), code);
});

test('docs/errors.md lists every refusal of the API with its status', () => {
  const section = /\n## The daemon and its API\n(.*?)\n## /s.exec(text)?.[1] ?? assert.fail('the section is missing');
  const rows = [...section.matchAll(/^\| `([a-z-]+)` \| (\d+) \| (.*?) \| (\d+) \|/gm)].map(
    ([, code, exitCode, when, status]) => [code, { status: Number(status), exitCode: Number(exitCode), when }],
  );
  assert.deepEqual(Object.fromEntries(rows), apiErrorKinds);
});
