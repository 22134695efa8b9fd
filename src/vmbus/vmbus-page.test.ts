import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { GPADL_LIMITS } from './gpadl-table.ts';
import { renderProtocolTables } from './messages/protocol-tables.ts';
import { MAX_OFFERS } from './offer-table.ts';
import { PACKETS_PER_TURN, SEND_QUEUE_LIMITS } from './open-channel.ts';
import { RefusalCode } from './refusal.ts';
import { MAX_UNREAD_MESSAGES } from './server.ts';
import { formatVersion, ProtocolVersion } from './version.ts';

const page = readFileSync(new URL('../../docs/vmbus.md', import.meta.url), 'utf8');
const [text = '', layouts = ''] = page.split('## Layouts\n');

test('the layouts in docs are the tables (write them with node scripts/vmbus-tables.ts)', () => {
  assert.equal(layouts.trim(), renderProtocolTables());
});

test('the page names every refusal, and no other', () => {
  const named = new Set(text.match(/VMBUS_[A-Z_]+/g));
  const others = ['CHANNEL_FAULT', 'CONNECTED', 'UNLOADED', 'CHANNEL_OPENED', 'ALREADY_OFFERED', 'TOO_MANY_OFFERS'];
  assert.deepEqual([...named].sort(), [...Object.values(RefusalCode), ...others.map((code) => `VMBUS_${code}`)].sort());
});

test('the page has every version', () => {
  for (const version of Object.values(ProtocolVersion)) {
    const number = `0x${version.toString(16).padStart(8, '0').toUpperCase()}`;
    assert.ok(text.includes(`| ${number} | ${formatVersion(version)} |`), number);
  }
});

test('the page has the limits', () => {
  const { gpadls, pages } = GPADL_LIMITS;
  const { packets, bytes } = SEND_QUEUE_LIMITS;
  const flat = text.replaceAll(/\s+/g, ' ');
  for (const sentence of [
    `at most ${gpadls} GPADLs and ${pages} pages`,
    `At most ${MAX_OFFERS} offers`,
    `at most ${PACKETS_PER_TURN} packets in a turn`,
    `at most ${packets} packets and ${bytes / 1024} KiB`,
    `once ${MAX_UNREAD_MESSAGES} wait`,
  ]) {
    assert.ok(flat.includes(sentence), sentence);
  }
});
