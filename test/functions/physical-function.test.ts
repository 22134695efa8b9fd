import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { bootRig, REPOSITORY, type Rig } from '../../rig/index.ts';
import { bundle } from '../../scripts/bundle.ts';
import { runTestFiles } from '../rig-tests.ts';

/** 6.1 has the container interface and interrupts whose number can't grow; 6.12 has iommufd and interrupts that can. */
for (const kernel of ['6.1', '6.12'] as const) {
  describe(`physical functions on a host with Linux ${kernel}`, () => {
    let rig: Rig;
    before(async () => {
      rig = await bootRig({ kernel });
    });
    after(async () => {
      await rig[Symbol.asyncDispose]();
    });

    for (const [what, program] of [
      ['an NVMe controller, from the host to a guest and back', 'physical-function'],
      ['a function of conventional PCI in a group with another', 'conventional-function'],
    ] as const) {
      test(what, async () => {
        const directory = join(REPOSITORY, 'dist/test-functions', kernel);
        await bundle(`test/functions/in-rig/${program}.ts`, directory);
        await runTestFiles(rig, [join(directory, `${program}.js`)], { testTimeoutMs: 60_000, forceExit: true });
      });
    }
  });
}
