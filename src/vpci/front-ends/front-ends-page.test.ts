import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { DEBIAN_MESSAGES } from '../testing/debian-messages.ts';
import { messagesOf, withFrontEndTables } from '../testing/front-ends-page.ts';
import { GUEST_MESSAGES, type GuestMessageName } from '../wire/guest-messages.ts';

test('docs/front-ends.md says what the front ends do (node scripts/front-ends-page.ts writes it)', () => {
  const page = readFileSync(new URL('../../../docs/front-ends.md', import.meta.url), 'utf8');
  assert.equal(page, withFrontEndTables(page));
});

test('a page without a place for the tables is told', () => {
  assert.throws(() => withFrontEndTables('# Front ends'), RangeError);
});

test('a Linux-style guest sends what a Debian guest sends, as it sends it', () => {
  assert.deepEqual(messagesOf('linux-style'), DEBIAN_MESSAGES);
});

test('what is known of Linux agrees with the layout tables', () => {
  for (const [name, { linux }] of Object.entries(GUEST_MESSAGES)) {
    const sent = DEBIAN_MESSAGES.get(name as GuestMessageName);
    if (name === 'READ_BLOCK' || name === 'WRITE_BLOCK') continue;
    const expected = sent === undefined ? 'never sent' : sent.completion ? 'completion' : 'no completion';
    assert.equal(linux, expected, name);
  }
});
