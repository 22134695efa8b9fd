import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { demoErrorKinds } from './demo/demo-error.ts';
import { HostError, hostErrorKinds } from './errors.ts';

test('docs/errors.md lists every code of this part with its exit code and meaning, and no other', () => {
  const text = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8');
  const section =
    /\n## Moving functions\n(.*?)\n## The command line\n/s.exec(text)?.[1] ?? assert.fail('the sections are missing');
  const rows = [...section.matchAll(/^\| `([a-z-]+)` \| (\d+) \| (.*?) \|/gm)].map(([, code, exitCode, when]) => [
    code,
    { exitCode: Number(exitCode), when },
  ]);
  assert.deepEqual(Object.fromEntries(rows), { ...hostErrorKinds, ...demoErrorKinds });
});

test('a message says what was asked, what stood in the way and what to do now', () => {
  const error = new HostError('function-in-use', { asked: 'dismount it', obstacle: 'it is in use.', remedy: 'Wait.' });
  assert.equal(error.message, "Can't dismount it: it is in use. Wait.");
  assert.deepEqual([error.code, error.exitCode, error.details], ['function-in-use', 4, {}]);
});
