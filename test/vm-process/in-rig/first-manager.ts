// Starts the VM, lends it the controller, says so, and then does nothing until it is killed.
import assert from 'node:assert/strict';
import { dismount, openHost } from '../../../src/host/index.ts';
import { VmProcesses } from '../../../src/host/vm-processes/vm-processes.ts';
import { LENT, NVME, orderOf, required, Talk, VM_NAME } from './vm.ts';

const spec = {
  memoryBytes: 384 * 1024 * 1024,
  cpuCount: 2,
  kernel: required('DDA_GUEST_VMLINUX'),
  initramfs: required('DDA_GUEST_INITRD'),
  commandLine: 'console=ttyS0 panic=-1 mitigations=off cryptomgr.notests quiet',
};

await dismount(openHost('dda test'), [NVME]);
let mark: { readonly processId: number; readonly startTicks: number } | undefined;
const vm = await new VmProcesses({ warn: (text) => assert.fail(text) }).start(VM_NAME, spec, (started) => {
  mark = started;
});
assert.deepEqual(vm.mark, mark);
const talk = new Talk(vm);
await talk.expect('dda-test: ready');
const unwanted = vm.lend(orderOf(1));
await vm.revoke(NVME);
const refused = await unwanted;
assert.ok(refused.outcome === 'failed' && refused.error.message.includes('taken back while it was being opened'));
assert.deepEqual((await vm.status()).functions, []);
assert.deepEqual(await vm.lend(orderOf(1)), { outcome: 'lent' });
await talk.verifyDisk(1);
process.stdout.write(`${LENT}${vm.mark.processId} ${vm.mark.startTicks}\n`);
