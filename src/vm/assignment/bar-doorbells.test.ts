import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SystemCallError } from '../../linux/index.ts';
import { RecordingVm } from '../testing/recording-vm.ts';
import { BarDoorbells } from './bar-doorbells.ts';

const GPA = 0xe100_0000;
const doorbell = (offsetBytes: number, eventFd: number) => ({ offsetBytes, sizeBytes: 4, eventFd });

test('what is new is connected, what is gone is not any more, what stays is left alone', () => {
  const vm = new RecordingVm();
  const doorbells = new BarDoorbells(vm, GPA, assert.fail);
  doorbells.connect([doorbell(0x1008, 5), doorbell(0x1010, 6)]);
  assert.deepEqual(
    [...vm.doorbells],
    [
      [GPA + 0x1008, 5],
      [GPA + 0x1010, 6],
    ],
  );
  doorbells.connect([doorbell(0x1010, 6), doorbell(0x1008, 7)]);
  assert.deepEqual(
    [...vm.doorbells],
    [
      [GPA + 0x1010, 6],
      [GPA + 0x1008, 7],
    ],
  );
  doorbells.connect([]);
  assert.equal(vm.doorbells.size, 0);
});

test('a doorbell that KVM refuses exits as before, and is told of', () => {
  const vm = new RecordingVm();
  const told: string[] = [];
  const refusing = {
    connectDoorbell: (eventFd: number, gpa: number) => {
      if (eventFd === 6) throw new SystemCallError(28, 'KVM_IOEVENTFD');
      vm.connectDoorbell(eventFd, gpa);
    },
    disconnectDoorbell: (eventFd: number, gpa: number) => vm.disconnectDoorbell(eventFd, gpa),
  };
  const doorbells = new BarDoorbells(refusing, GPA, (reason) => void told.push(reason));
  doorbells.connect([doorbell(0x1008, 5), doorbell(0x1010, 6)]);
  assert.deepEqual([...vm.doorbells.values()], [5]);
  assert.match(told.join(), /KVM_IOEVENTFD.*ENOSPC|ENOSPC.*KVM_IOEVENTFD/);
  doorbells.connect([]);
  assert.equal(vm.doorbells.size, 0);
});
