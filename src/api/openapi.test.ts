import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import { openApiText } from './testing/openapi-text.ts';
import { ScriptedManager } from './testing/scripted-manager.ts';
import { served } from './testing/served.ts';

const version = (
  JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }
).version;

test('the document is valid OpenAPI 3.1', async () => {
  const validator = new Validator();
  const { valid, errors } = await validator.validate(JSON.parse(openApiText(version)));
  assert.deepEqual([valid, errors], [true, undefined]);
  assert.equal(validator.version, '3.1');
});

test('docs/openapi.json is what the daemon serves', async (t) => {
  const text = readFileSync(new URL('../../docs/openapi.json', import.meta.url), 'utf8');
  assert.equal(text, openApiText(version));
  const { json } = await served(t, new ScriptedManager());
  const { body } = await json('GET', '/openapi.json');
  assert.deepEqual(JSON.parse(text.replace(`"version": "${version}"`, '"version": "1.2.3"')), body);
});

test('every operation has a summary, an answer for refusals, and no two the same name', () => {
  const { paths } = JSON.parse(openApiText(version)) as {
    paths: Record<string, Record<string, { summary?: string; responses: Record<string, unknown> }>>;
  };
  const operations = Object.values(paths).flatMap((path) => Object.values(path));
  assert.equal(operations.length, 25);
  for (const { summary, responses } of operations) {
    assert.ok(summary);
    assert.ok('default' in responses);
  }
});
