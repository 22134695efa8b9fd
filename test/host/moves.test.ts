import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { bootRig, REPOSITORY } from '../../rig/index.ts';
import { bundle, bundleProduct } from '../../scripts/bundle.ts';
import { runTestFiles } from '../rig-tests.ts';

const programs = ['survey', 'dismount-and-mount', 'in-use', 'held', 'borrowed', 'manager', 'control-groups'];
/** What these start. */
const others = ['hold-function', 'borrow-functions'];

test('functions leave their drivers and come back, on a real kernel', async () => {
  const directory = join(REPOSITORY, 'dist/test-host');
  await bundleProduct(directory);
  await bundle(
    [...programs, ...others].map((name) => `test/host/in-rig/${name}.ts`),
    directory,
  );
  await using rig = await bootRig({ nvmeControllers: 2 });
  const files = programs.map((name) => join(directory, `${name}.js`));
  const env = { DDA_CLI: join(directory, 'main.js') };
  const printed = await runTestFiles(rig, files, { timeoutMs: 1_200_000, forceExit: true, env });
  assert.equal(/^# pass (\d+)$/m.exec(printed)?.[1], '30', `not every test ran in the rig:\n${printed}`);
});
