import assert from 'node:assert/strict';
import { test } from 'node:test';
import { execute } from '../engine/execute.ts';
import { parseInput } from '../engine/input.ts';
import { DEFECTS } from '../seeded/defects.ts';
import { TARGET_NAMES, TARGETS } from '../targets/index.ts';
import { readCorpus } from './corpus-files.ts';
import { SEEDED_EXECUTIONS } from './fuzz.ts';
import { supervise } from './supervise.ts';

/** Any other would do; with the same one it goes the same way each time. */
const SEED = 4;

for (const name of TARGET_NAMES) {
  test(`${name}: all rules hold for each input of the corpus`, async () => {
    const lines = readCorpus(name);
    assert.ok(lines.length > 0, 'there is a corpus');
    const target = await TARGETS[name]();
    for (const line of lines) {
      const { failure } = await execute(target, parseInput(line));
      assert.equal(failure, undefined, `${line}: ${failure?.stack}`);
    }
  });
}

/** One of each target, by what is wrong. All of them are looked for by `npm run fuzz`. */
const SAMPLE = [
  'hypercalls/hypercalls-2',
  'synic/crash',
  'vmbus/decode-guest-message',
  'rings/incoming-ring-2',
  'vpci/provider',
  'config/config-view',
  'nvme/command',
  'words/protocol-2',
  'manager/returns',
  'trace/read-record-3',
  'api/common',
];

for (const id of SAMPLE) {
  test(`a seeded defect is found from nothing: ${id}`, async () => {
    const defect = DEFECTS.find((each) => each.id === id);
    assert.ok(defect !== undefined);
    const { target } = defect;
    const executions = SEEDED_EXECUTIONS[target];
    const { findings } = await supervise({ target, seed: SEED, corpus: [], executions, defect: id, gives: 'findings' });
    assert.equal(findings.length, 1, `${defect.what}, and nothing in ${executions} executions`);
  });
}
