import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { wiresharkDissector } from './dissector.ts';

test('packaging/wireshark/dda.lua is what the tables make (write it with node scripts/wireshark-dissector.ts)', () => {
  const file = new URL('../../../packaging/wireshark/dda.lua', import.meta.url);
  assert.equal(readFileSync(file, 'utf8'), wiresharkDissector());
});
