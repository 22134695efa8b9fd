import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { bootRig } from '../../rig/index.ts';
import type { Rig } from '../../rig/index.ts';

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
        const file = new URL(`./in-rig/${program}.ts`, import.meta.url).pathname;
        const command = ['node', '--test', '--test-force-exit', '--test-timeout=60000', '--test-reporter=tap', file];
        const result = await rig.run(command, { timeoutMs: 900_000 });
        assert.equal(result.exitCode, 0, `failed in the rig:\n${result.stdout}\n${result.stderr}`);
      });
    }
  });
}
