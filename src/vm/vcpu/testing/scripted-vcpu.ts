import { workerData } from 'node:worker_threads';
import { KvmRunPage, threadId } from '../../../linux/index.ts';
import { Doorbell } from '../doorbell.ts';
import { MailboxWord } from '../mailbox.ts';
import type { VcpuThreadData } from '../thread-data.ts';
import { vcpuLoop, waitForEntry } from '../vcpu-loop.ts';
import { SCRIPT_OFFSET, SCRIPT_WORDS, ScriptWord } from './script.ts';

/** A vCPU without KVM, for the real loop and doorbell: what it does is told by the words in its run page. */
const data = workerData as VcpuThreadData;
const mailbox = new Int32Array(data.mailbox);
const script = new Int32Array(data.runPage, SCRIPT_OFFSET, SCRIPT_WORDS);
const page = new KvmRunPage(data.runPage);
const doorbell = new Doorbell(data.doorbell);

const EINTR = 4;
const ETIMEDOUT = 110;
const EBADMSG = 74;
/** The errno of a script that has come to its end. */
const ENODATA = 61;
const PATIENCE_MS = 20_000;

function read(word: number): number {
  return Atomics.load(script, word);
}

/** Rings for the serial port as the UART does, and waits until it was heard: nothing else would wake the device thread. */
function ringSerial(): boolean {
  const before = read(ScriptWord.SerialServed);
  doorbell.ringSerial();
  return Atomics.wait(script, ScriptWord.SerialServed, before, PATIENCE_MS) !== 'timed-out';
}

function run(): number {
  if (page.exitRequested) return EINTR;
  const done = read(ScriptWord.Exits);
  // The device thread counts what it has served before it gives the turn back.
  if (read(ScriptWord.Served) !== done) return EBADMSG;
  if (done === read(ScriptWord.Last)) return ENODATA;
  if (done === read(ScriptWord.ThrowAt)) throw new Error('a mistake in the vCPU thread');
  const every = read(ScriptWord.SerialEvery);
  if (every !== 0 && done % every === 0 && !ringSerial()) return ETIMEDOUT;
  Atomics.store(script, ScriptWord.Exits, done + 1);
  return 0;
}

Atomics.store(mailbox, MailboxWord.ThreadId, threadId());
if (data.waitsForEntry) waitForEntry({ mailbox, doorbell });
vcpuLoop({ run, clearExitRequest: () => page.clearExitRequest(), finishHere: () => false, mailbox, doorbell });
