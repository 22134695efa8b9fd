import { after, before, describe, test } from 'node:test';
import { bootRig, type Rig } from '../../rig/index.ts';
import { runInRig } from './run-in-rig.ts';

describe('VFIO in the rig, by the container interface', () => {
  let rig: Rig;
  before(async () => {
    rig = await bootRig({ nvmeControllers: 2 });
  });
  after(async () => {
    await rig[Symbol.asyncDispose]();
  });

  for (const program of ['vfio-device', 'vfio-handover', 'vfio-group', 'vfio-passed', 'kernel-events']) {
    test(program, async () => {
      await runInRig(rig, program);
    });
  }
});
