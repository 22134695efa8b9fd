import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { parsePciIds } from '../../pci/index.ts';
import { surveyHost } from '../survey/survey.ts';
import { surveyTree } from '../survey/survey-tree.ts';
import { buildTree } from '../testing/build-tree.ts';
import { laptop } from '../testing/machines/laptop.ts';
import { serverWithAcs } from '../testing/machines/server-with-acs.ts';
import { sriovNic } from '../testing/machines/sriov-nic.ts';
import { parseCapture } from './capture-format.ts';
import { captureHost } from './capture-host.ts';

const ids = parsePciIds('');
const documents = [laptop, serverWithAcs, sriovNic].map(
  (machine) =>
    JSON.parse(captureHost(buildTree(machine), ids, '0').text) as {
      readonly format: string;
      readonly version: number;
      readonly entries: Readonly<Record<string, unknown>>;
    },
);

/** What a stranger might put in an entry's place. */
const entry = fc.oneof(
  fc.string(),
  fc.constantFrom('', '-1', '4294967296', '0xffffffffffffffff', '1e9', '0x0 0xffffffffffffffff 0x20140204', '[::]'),
  fc.record({ link: fc.constantFrom('/', '..', '.', '/sys', '../../../..', '/sys/bus/pci/devices', 'nowhere') }),
  fc.record({ names: fc.array(fc.constantFrom('0000:00:00.0', 'x', '999999999', '0000:ff:1f.7', 'card0-DP-1', 'fd')) }),
  fc.record({
    bytes: fc.constantFrom(0, 64, 255, 256, 4096),
    at: fc.dictionary(
      fc.constantFrom('000', '030', '100'),
      fc.constantFrom('ff'.repeat(16), '40'.repeat(16), '0d00011000'),
    ),
  }),
  fc.constantFrom({}, { denied: true }, { denied: false }, null, 7, []),
);

test('whatever stands in a capture, it is refused or surveyed: nothing is thrown', () => {
  let surveyed = 0;
  fc.assert(
    fc.property(
      fc.nat({ max: documents.length - 1 }),
      fc.array(fc.tuple(fc.nat(), entry), { minLength: 1, maxLength: 8 }),
      (number, changes) => {
        const document = documents[number] ?? assert.fail();
        const paths = Object.keys(document.entries);
        const entries: Record<string, unknown> = { ...document.entries };
        for (const [at, value] of changes) entries[paths[at % paths.length] ?? ''] = value;
        const tree = parseCapture(JSON.stringify({ ...document, entries }));
        if ('code' in tree) return;
        surveyed += 1;
        for (const { reasons } of surveyHost(surveyTree(tree, ids))) {
          for (const { sentence } of reasons) assert.doesNotMatch(sentence, /[^\P{Cc}\n\t]/u);
        }
      },
    ),
    { numRuns: 400, seed: 7 },
  );
  assert.ok(surveyed > 50, `only ${surveyed} of them were surveyed`);
});
