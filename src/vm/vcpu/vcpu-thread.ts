import { SHARE_ENV, Worker } from 'node:worker_threads';
import { type KvmRunPage, type KvmVcpu, VcpuKicker } from '../../linux/index.ts';
import { Doorbell, type DoorbellHandle } from './doorbell.ts';
import { MAILBOX_WORDS, MailboxWord, Turn } from './mailbox.ts';
import type { VcpuThreadData } from './thread-data.ts';

/** How often a vCPU's thread is kicked until it has ended: only a thread that is just starting needs more than one. */
const KICK_AGAIN_MS = 5;

const CODE_RANGE_MIB = 16;

/** The file is `.ts` in the working tree and `.cjs` in the package. */
const WORKER = new URL(import.meta.url.endsWith('.ts') ? './vcpu-worker.ts' : './vcpu-worker.cjs', import.meta.url);

export interface VcpuThreadOptions {
  readonly vcpu: Pick<KvmVcpu, 'id' | 'fd' | 'runBuffer' | 'runPage'>;
  readonly vmFd: number;
  readonly doorbell: DoorbellHandle;
  readonly uart: SharedArrayBuffer;
  readonly rtc: SharedArrayBuffer;
  /** The thread stays out of the guest until {@link VcpuThread.enter}. */
  readonly waitsForEntry?: boolean;
  /** What the thread runs; tests give a vCPU that needs no KVM. */
  readonly program?: URL;
}

/** The device thread's handle on a vCPU's thread. */
export class VcpuThread {
  readonly mailbox: Int32Array<SharedArrayBuffer>;
  readonly #runPage: KvmRunPage;
  readonly #worker: Worker;
  readonly #exited: Promise<void>;

  constructor(options: VcpuThreadOptions) {
    this.#runPage = options.vcpu.runPage;
    const buffer = new SharedArrayBuffer(MAILBOX_WORDS * 4);
    this.mailbox = new Int32Array(buffer);
    const data: VcpuThreadData = {
      index: options.vcpu.id,
      vcpuFd: options.vcpu.fd,
      vmFd: options.vmFd,
      runPage: options.vcpu.runBuffer,
      mailbox: buffer,
      doorbell: options.doorbell,
      uart: options.uart,
      rtc: options.rtc,
      waitsForEntry: options.waitsForEntry ?? false,
    };
    this.#worker = new Worker(options.program ?? WORKER, {
      workerData: data,
      name: `vcpu-${options.vcpu.id}`,
      // The descriptors that it uses are this thread's, not its own; a copy of the environment is for nobody.
      trackUnmanagedFds: false,
      env: SHARE_ENV,
      // V8 would set 512 MiB aside for the compiled code of each thread, which a limit on memory counts; this program needs one.
      resourceLimits: { codeRangeSizeMb: CODE_RANGE_MIB },
    });
    // Not events.once(): that rejects on the 'error' that comes before the 'exit' of a thread that died of an exception.
    this.#exited = new Promise((resolve) => {
      this.#worker.once('exit', () => {
        // Such a thread never said itself that it has ended.
        Atomics.store(this.mailbox, MailboxWord.Turn, Turn.Ended);
        new Doorbell(options.doorbell).ring();
        resolve();
      });
    });
  }

  /** `handler` hears of an exception in the thread, which is a bug of ours. */
  onError(handler: (error: Error) => void): void {
    this.#worker.on('error', handler);
  }

  /** Exits to user space since the start. */
  get exits(): number {
    return Atomics.load(this.mailbox, MailboxWord.Exits) >>> 0;
  }

  /** Of {@link exits}, those that the device thread finished. */
  get deviceExits(): number {
    return Atomics.load(this.mailbox, MailboxWord.DeviceExits) >>> 0;
  }

  /** Asks the thread to end: it does at the next chance, also when it sleeps in the guest or waits for an exit's answer. */
  requestStop(): void {
    Atomics.store(this.mailbox, MailboxWord.Stop, 1);
    this.goOn();
    this.enter();
    this.kick();
  }

  /** Lets a thread that waits for it into the guest, or to its end if it was asked to stop. Doesn't wait: nothing. */
  enter(): void {
    if (Atomics.compareExchange(this.mailbox, MailboxWord.Turn, Turn.Loaded, Turn.Vcpu) !== Turn.Loaded) return;
    Atomics.notify(this.mailbox, MailboxWord.Turn);
  }

  /** Gets the thread out of the guest, where it stays until {@link goOn}, but for `ms` milliseconds at the most. Doesn't wait for it. */
  rest(ms: number): void {
    Atomics.store(this.mailbox, MailboxWord.Rest, ms);
    this.kick();
  }

  /** Ends a {@link rest}. */
  goOn(): void {
    if (Atomics.exchange(this.mailbox, MailboxWord.Rest, 0) !== 0) Atomics.notify(this.mailbox, MailboxWord.Rest);
  }

  /** Gets the thread out of the guest once. */
  kick(): void {
    this.#runPage.requestExit();
    const tid = Atomics.load(this.mailbox, MailboxWord.ThreadId);
    if (tid !== 0) {
      new VcpuKicker(this.#runPage, tid).kick();
    }
  }

  /** Asks the thread to end and waits until it has. Never `terminate()`: that can abort the process in a native call. */
  async stop(): Promise<void> {
    this.requestStop();
    const again = setInterval(() => {
      if (Atomics.load(this.mailbox, MailboxWord.Turn) === Turn.Device) {
        // Its exit will not be answered any more.
        Atomics.store(this.mailbox, MailboxWord.Turn, Turn.Vcpu);
        Atomics.notify(this.mailbox, MailboxWord.Turn);
      }
      this.enter();
      this.kick();
    }, KICK_AGAIN_MS);
    try {
      await this.#exited;
    } finally {
      clearInterval(again);
    }
  }
}
