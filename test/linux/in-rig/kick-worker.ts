import { isMainThread, workerData } from 'node:worker_threads';
import { KvmRunPage, runInterrupted, runVcpu, threadId } from '../../../src/linux/index.ts';

/** Words of the mailbox: what the main thread asks for, what this thread has seen, how often it left the guest for nothing. */
export const mailbox = { asked: 0, seen: 1, spurious: 2, stop: 3, unexpected: 4, tid: 5 } as const;

/** Runs a vCPU until told to stop, and acknowledges every kick. */
function serve(fd: number, page: KvmRunPage, words: Int32Array): void {
  while (Atomics.load(words, mailbox.stop) === 0) {
    page.clearExitRequest();
    const asked = Atomics.load(words, mailbox.asked);
    if (asked !== Atomics.load(words, mailbox.seen)) {
      Atomics.store(words, mailbox.seen, asked);
      Atomics.notify(words, mailbox.seen);
    } else {
      Atomics.add(words, mailbox.spurious, 1);
    }
    const result = runVcpu(fd);
    if (result !== runInterrupted) {
      Atomics.store(words, mailbox.unexpected, result === 0 ? page.exitReason : result);
      return;
    }
  }
}

if (!isMainThread) {
  const { fd, runBuffer, words } = workerData as { fd: number; runBuffer: SharedArrayBuffer; words: Int32Array };
  Atomics.store(words, mailbox.tid, threadId());
  Atomics.notify(words, mailbox.tid);
  serve(fd, new KvmRunPage(runBuffer), words);
}
