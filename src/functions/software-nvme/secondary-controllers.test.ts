import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  assignToSecondary,
  bringSecondaryOnline,
  decodeController,
  decodePrimaryCapabilities,
  decodeSecondaryControllers,
  identifyController,
  identifyPrimaryCapabilities,
  identifySecondaryControllers,
  type NvmeAdminCommand,
  NvmeResource,
  takeSecondaryOffline,
} from '../../linux/index.ts';
import type { ControllerRole } from './role.ts';
import { SecondaryControllers } from './secondary-controllers.ts';
import { NvmeStatus } from './status.ts';
import { MemoryStorage } from './storage.ts';
import { TestDriver } from './testing/index.ts';

const shared = {
  virtualFunctions: 3,
  flexible: { queues: 8, interrupts: 4 },
  mostPerSecondary: { queues: 5, interrupts: 3 },
};

/** A primary controller with a driver, asked with the commands that dda sends to controllers of this machine. */
class Primary {
  readonly news: string[] = [];
  readonly secondaries = new SecondaryControllers(shared, { queues: 5, interrupts: 5 }, ({ controllerId, online }) =>
    this.news.push(`${controllerId} ${online ? 'online' : 'offline'}`),
  );
  readonly driver: TestDriver;

  constructor() {
    const role: ControllerRole = { controllerId: 0, isVirtual: false, isShared: true, secondaries: this.secondaries };
    this.driver = new TestDriver([new MemoryStorage(2 ** 20)], 4, role);
    this.driver.enable();
  }

  send({ opcode, cdw10, cdw11 }: NvmeAdminCommand): readonly [status: number, result: number] {
    const { status, result } = this.driver.send(0, { opcode, cdw10, cdw11 });
    return [status, result];
  }

  ask(command: NvmeAdminCommand): Uint8Array {
    assert.deepEqual(this.send(command), [NvmeStatus.success, 0]);
    return this.driver.data(4096).slice();
  }

  list(from = 0) {
    return decodeSecondaryControllers(this.ask(identifySecondaryControllers(from)));
  }
}

test('what there is to share, and who has what, as the host decodes it', () => {
  const primary = new Primary();
  assert.deepEqual(decodeController(primary.ask(identifyController())), {
    controllerId: 0,
    virtualizationManagement: true,
  });
  const { queues, interrupts } = decodePrimaryCapabilities(primary.ask(identifyPrimaryCapabilities(0)));
  assert.deepEqual([queues.flexible, queues.total, queues.assigned, queues.mostPerSecondary], [true, 8, 0, 5]);
  assert.deepEqual([interrupts.flexible, interrupts.total, interrupts.assigned], [true, 4, 0]);
  assert.deepEqual(
    primary.list().map(({ controllerId, virtualFunction, online }) => [controllerId, virtualFunction, online]),
    [
      [1, 1, false],
      [2, 2, false],
      [3, 3, false],
    ],
  );
  assert.deepEqual(
    primary.list(3).map(({ controllerId }) => controllerId),
    [3],
  );
});

test('assigned, brought online while its function is enabled, and taken offline with all that it had', () => {
  const primary = new Primary();
  assert.deepEqual(primary.send(assignToSecondary(2, NvmeResource.queues, 3)), [0, 3]);
  assert.deepEqual(primary.send(bringSecondaryOnline(2)), [NvmeStatus.invalidSecondaryState, 0], 'no interrupt');
  assert.deepEqual(primary.send(assignToSecondary(2, NvmeResource.interrupts, 3)), [0, 3]);
  assert.deepEqual(primary.send(bringSecondaryOnline(2)), [NvmeStatus.invalidSecondaryState, 0], 'not enabled');
  primary.secondaries.enable(2);
  assert.deepEqual(primary.send(bringSecondaryOnline(2)), [0, 0]);
  assert.deepEqual(primary.send(assignToSecondary(2, NvmeResource.queues, 2)), [NvmeStatus.invalidSecondaryState, 0]);
  assert.deepEqual(primary.list(2)[0], { controllerId: 2, online: true, virtualFunction: 2, queues: 3, interrupts: 3 });
  primary.secondaries.enable(1);
  assert.equal(primary.list(2)[0]?.online, false, 'its function is gone');
  primary.secondaries.enable(2);
  assert.deepEqual(primary.send(bringSecondaryOnline(2)), [0, 0]);
  assert.deepEqual(primary.send(takeSecondaryOffline(2)), [0, 0]);
  assert.deepEqual(primary.list(2)[0], {
    controllerId: 2,
    online: false,
    virtualFunction: 2,
    queues: 0,
    interrupts: 0,
  });
  assert.deepEqual(primary.news, ['2 online', '2 offline', '2 online', '2 offline']);
});

test('more than one may have, more than there is, and nobody', () => {
  const primary = new Primary();
  assert.deepEqual(primary.send(assignToSecondary(1, NvmeResource.queues, 6)), [
    NvmeStatus.invalidNumberOfResources,
    0,
  ]);
  assert.deepEqual(primary.send(assignToSecondary(1, NvmeResource.queues, 5)), [0, 5]);
  assert.deepEqual(primary.send(assignToSecondary(2, NvmeResource.queues, 4)), [
    NvmeStatus.invalidResourceIdentifier,
    0,
  ]);
  assert.deepEqual(primary.send(assignToSecondary(1, NvmeResource.queues, 2)), [0, 2], 'what it had is free for it');
  assert.deepEqual(primary.send(assignToSecondary(2, NvmeResource.queues, 5)), [0, 5]);
  for (const id of [0, 4, 0xffff]) {
    assert.deepEqual(primary.send(bringSecondaryOnline(id)), [NvmeStatus.invalidControllerIdentifier, 0]);
  }
  const manage = (cdw10: number) => primary.send({ ...bringSecondaryOnline(1), cdw10 })[0];
  assert.equal(manage(0x0001_0708), NvmeStatus.invalidField, 'no such resource');
  assert.equal(manage(0x0001_000a), NvmeStatus.invalidField, 'no such action');
});

test('a reset of the primary controller takes all of them offline', () => {
  const primary = new Primary();
  primary.secondaries.enable(3);
  for (const id of [1, 2]) {
    primary.send(assignToSecondary(id, NvmeResource.queues, 2));
    primary.send(assignToSecondary(id, NvmeResource.interrupts, 1));
    assert.deepEqual(primary.send(bringSecondaryOnline(id)), [0, 0]);
  }
  primary.driver.disable();
  primary.driver.enable();
  assert.deepEqual(primary.news.slice(2), ['1 offline', '2 offline']);
  assert.deepEqual(primary.send(bringSecondaryOnline(1)), [0, 0], 'it keeps what it was given');
});

test('a controller without others has nothing of it', () => {
  const driver = new TestDriver();
  driver.enable();
  assert.equal(driver.status(0, { opcode: 0x1c, cdw10: 0x0001_0009 }), NvmeStatus.invalidOpcode);
  assert.equal(driver.status(0, { opcode: 0x06, cdw10: 0x14 }), NvmeStatus.invalidField);
  driver.succeed({ opcode: 0x06, cdw10: 0x01 });
  assert.equal(decodeController(driver.data(4096).slice()).virtualizationManagement, false);
});
