import { join } from 'node:path';
import { REPOSITORY, type Rig } from '../../rig/index.ts';
import { bundle } from '../../scripts/bundle.ts';
import { runTestFiles } from '../rig-tests.ts';

/** Programs that start others by their place in the tree. */
const AS_THEY_ARE: ReadonlySet<string> = new Set(['kvm-open', 'kvm-kick']);

/** Runs `in-rig/<program>.ts`, itself a file of tests, and fails with what it printed if any of them fails. */
export async function runInRig(rig: Rig, program: string, env: Record<string, string> = {}): Promise<void> {
  const source = join('test/linux/in-rig', `${program}.ts`);
  let file = join(REPOSITORY, source);
  if (!AS_THEY_ARE.has(program)) {
    const directory = join(REPOSITORY, 'dist/test-linux', `${program}-${process.pid}`);
    await bundle(source, directory);
    file = join(directory, `${program}.js`);
  }
  await runTestFiles(rig, [file], { env, forceExit: true });
}
