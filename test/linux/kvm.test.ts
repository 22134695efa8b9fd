import { after, before, describe, test } from 'node:test';
import { bootRig, type Rig } from '../../rig/index.ts';
import { runInRig } from './run-in-rig.ts';

describe('KVM in the rig', () => {
  let rig: Rig;
  before(async () => {
    rig = await bootRig();
  });
  after(async () => {
    await rig[Symbol.asyncDispose]();
  });

  for (const program of ['kvm-open', 'kvm-exits', 'kvm-long-mode', 'kvm-interrupts', 'kvm-kick']) {
    test(program, async () => {
      await runInRig(rig, program);
    });
  }
});
