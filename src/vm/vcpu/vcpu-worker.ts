import { getPriority, setPriority } from 'node:os';
import { workerData } from 'node:worker_threads';
import { ExitReason, KvmRunPage, KvmVm, runVcpu, threadId } from '../../linux/index.ts';
import { CmosRtc, COM1, Uart16550 } from '../devices/index.ts';
import { Doorbell } from './doorbell.ts';
import { MailboxWord } from './mailbox.ts';
import { PortIo } from './port-io.ts';
import type { VcpuThreadData } from './thread-data.ts';
import { vcpuLoop, waitForEntry } from './vcpu-loop.ts';

const data = workerData as VcpuThreadData;
const mailbox = new Int32Array(data.mailbox, 0, data.mailbox.byteLength / 4);
const doorbell = new Doorbell(data.doorbell);
const page = new KvmRunPage(data.runPage);
const vm = new KvmVm(data.vmFd, data.runPage.byteLength);
const uart = new Uart16550(data.uart, {
  setIrqLevel: (level) => vm.irqLine(COM1.gsi, level),
  outputReady: () => doorbell.ringSerial(),
  inputWanted: () => doorbell.ringSerial(),
});
const ports = new PortIo(page, uart, new CmosRtc(data.rtc, () => new Date()));

// This thread's alone: a guest that spins gets no more than others, and leaves room for the thread that serves its devices.
if (getPriority() < 0) setPriority(0);
Atomics.store(mailbox, MailboxWord.ThreadId, threadId());
if (data.waitsForEntry) waitForEntry({ mailbox, doorbell });
vcpuLoop({
  run: () => -runVcpu(data.vcpuFd),
  clearExitRequest: () => page.clearExitRequest(),
  finishHere: () => page.exitReason === ExitReason.io && ports.finish(),
  mailbox,
  doorbell,
});
