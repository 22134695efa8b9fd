import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { captureEnd, capturePacket, captureStart, readRecord } from '../../src/trace/index.ts';
import { oddRecords, recordedHypercalls, recordedLife } from '../../src/trace/testing/index.ts';
import { VpciVersion } from '../../src/vpci/index.ts';
import { assertAgreement, dissect, writeFile } from './wireshark.ts';

const lives = (['linux-style', 'windows-style'] as const).flatMap((kind) =>
  Object.entries(VpciVersion).map(
    ([name, version]) => [`${kind}, ${name}`, () => recordedLife(kind, version)] as const,
  ),
);

for (const [name, record] of [
  ...lives,
  ['hypercalls', recordedHypercalls] as const,
  ['what no honest guest sends', oddRecords] as const,
]) {
  test(`tshark reads it as dda does: ${name}`, (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'dda-trace-'));
    t.after(() => rmSync(directory, { recursive: true }));
    const records = record();
    assert.ok(records.length > 5);
    const file = join(directory, 'trace.pcapng');
    writeFile(file, [
      captureStart({ vm: 'web', version: '1.2.3' }),
      ...records.map((bytes) => {
        const read = readRecord(bytes);
        assert.ok(read);
        return capturePacket(bytes, read.timeNs, bytes.byteLength + read.cutBytes, 0);
      }),
      captureEnd(0n, records.length, 0),
    ]);
    assertAgreement(records, dissect(file));
  });
}
