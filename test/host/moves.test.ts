import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bootRig } from '../../rig/index.ts';

const programs = ['survey', 'dismount-and-mount', 'in-use', 'held', 'borrowed', 'manager'];

test('functions leave their drivers and come back, on a real kernel', async () => {
  await using rig = await bootRig({ nvmeControllers: 2 });
  const files = programs.map((program) => new URL(`./in-rig/${program}.ts`, import.meta.url).pathname);
  // In one process: loading the program takes the rig longer than most of the tests.
  const options = [
    '--test',
    '--test-isolation=none',
    '--test-force-exit',
    '--test-timeout=400000',
    '--test-reporter=tap',
  ];
  const result = await rig.run(['node', ...options, ...files], { timeoutMs: 1_200_000 });
  assert.equal(result.exitCode, 0, `in the rig:\n${result.stdout}\n${result.stderr}`);
  const passed = /^# pass (\d+)$/m.exec(result.stdout)?.[1];
  assert.equal(passed, '24', `not every test ran in the rig:\n${result.stdout}`);
});
