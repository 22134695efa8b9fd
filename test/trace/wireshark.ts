import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { REPOSITORY } from '../../rig/index.ts';
import { readRecord } from '../../src/trace/index.ts';
import { flatFields } from '../../src/trace/testing/index.ts';

const DISSECTOR = join(REPOSITORY, 'packaging/wireshark/dda.lua');

/** What tshark says of one packet of a capture, by field: each value in the order in which it stands. */
type Dissected = ReadonlyMap<string, readonly string[]>;

function tshark(args: readonly string[]): string {
  return execFileSync('tshark', [...args, '-X', `lua_script:${DISSECTOR}`], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 512 * 2 ** 20,
    env: { ...process.env, TZ: 'UTC' },
  });
}

let known: readonly string[] | undefined;

/** Every field that the dissector has. */
function fieldNames(): readonly string[] {
  known ??= tshark(['-G', 'fields'])
    .split('\n')
    .map((line) => line.split('\t')[2] ?? '')
    .filter((name) => name.startsWith('dda.'));
  return known;
}

/** The packets of a capture as the dissector reads them. Fails for any that is malformed, or that made the dissector fail. */
export function dissect(file: string): Dissected[] {
  const text = tshark(['-r', file, '-V']);
  assert.doesNotMatch(text, /malformed|lua error|no record that this dissector knows/i);
  const names = ['frame.time_epoch', ...new Set(fieldNames())];
  assert.ok(names.length > 150, `the dissector has ${names.length} fields`);
  const columns = names.flatMap((name) => ['-e', name]);
  const layout = ['-E', 'separator=/t', '-E', 'occurrence=a', '-E', 'aggregator=|'];
  return tshark(['-r', file, '-T', 'fields', ...columns, ...layout])
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const values = line.split('\t');
      return new Map(names.flatMap((name, i) => (values[i] ? [[name, values[i].split('|')] as const] : [])));
    });
}

/** Holds what tshark says of each record against what dda's own reader makes of its bytes: names, notes, and every field. */
export function assertAgreement(records: readonly Uint8Array[], dissected: readonly Dissected[]): void {
  assert.equal(dissected.length, records.length);
  records.forEach((bytes, i) => {
    const record = readRecord(bytes);
    const packet = dissected[i];
    assert.ok(record !== undefined && packet !== undefined);
    const where = `record ${i}, ${record.name}`;
    assert.deepEqual(packet.get('dda.message'), [record.name], where);
    assert.deepEqual(packet.get('dda.note') ?? [], noteOf(record), where);
    const [seconds = '', nanoseconds = ''] = (packet.get('frame.time_epoch')?.[0] ?? '').split('.');
    assert.equal(BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds.padEnd(9, '0')), record.timeNs, where);
    const own = flatFields(bytes);
    const theirs = new Map(
      [...packet].filter(([name]) => !['frame.time_epoch', 'dda.message', 'dda.note', 'dda.payload'].includes(name)),
    );
    assert.deepEqual([...theirs.keys()].toSorted(), [...own.keys()].toSorted(), where);
    for (const [name, values] of own) {
      assert.deepEqual(theirs.get(name)?.map(plain), values.map(plain), `${where}: ${name}`);
    }
  });
}

function noteOf(record: NonNullable<ReturnType<typeof readRecord>>): string[] {
  const missing = record.items.flatMap((item) =>
    'cells' in item && item.missing > 0 ? [`(${item.missing} missing)`] : [],
  );
  return record.note === undefined ? missing : [record.note];
}

/** A value however it is written: numbers in any base, bytes and texts as they are. */
function plain(value: string): string {
  return /^(0x[0-9a-f]+|\d+)$/i.test(value) ? BigInt(value).toString() : value.toLowerCase();
}

export function writeFile(path: string, parts: readonly Uint8Array[]): void {
  writeFileSync(path, Buffer.concat(parts));
}
