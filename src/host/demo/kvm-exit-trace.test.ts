import assert from 'node:assert/strict';
import test from 'node:test';
import { countTracedExits } from './kvm-exit-trace.ts';

const trace = (kept: number, written: number): string => `# tracer: nop
#
# entries-in-buffer/entries-written: ${kept}/${written}   #P:1
#
#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION
          vcpu-0-212     [000] d....    41.000001: kvm_userspace_exit: reason KVM_EXIT_IO (2)
          vcpu-0-212     [000] d....    42.500000: kvm_userspace_exit: reason KVM_EXIT_IO (2)
          vcpu-0-212     [000] d....    43.999999: kvm_userspace_exit: reason restart (4)
`;
const S = 1_000_000_000n;

test('exits are counted by their time', () => {
  assert.equal(countTracedExits(trace(3, 3), 0n, 100n * S), 3);
  assert.equal(countTracedExits(trace(3, 3), 42n * S, 43n * S), 1);
  assert.equal(countTracedExits(trace(3, 3), 44n * S, 45n * S), 0);
});

test('a buffer that has lost entries, or a text that is none, gives no number', () => {
  assert.equal(countTracedExits(trace(3, 900), 0n, 100n * S), undefined);
  assert.equal(countTracedExits('', 0n, 100n * S), undefined);
});
