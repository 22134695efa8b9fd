import { ByteRing } from './byte-ring.ts';
import { SharedLock } from './shared-lock.ts';
import {
  FIFO_BYTES,
  FifoControl,
  InterruptEnable,
  InterruptIdentity,
  LineControl,
  LineStatus,
  ModemControl,
  ModemStatus,
  RECEIVE_TRIGGERS,
  UartOffset,
} from './uart-registers.ts';

/** The state's 32-bit words; rings take two each. */
const Word = {
  lock: 0,
  interruptEnable: 1,
  fifoControl: 2,
  lineControl: 3,
  modemControl: 4,
  scratch: 5,
  divisorLow: 6,
  divisorHigh: 7,
  modemDelta: 8,
  overrun: 9,
  /** The transmitter ran empty and the guest has not been told. */
  transmitterEmptyPending: 10,
  irqLevel: 11,
  inputRefused: 12,
  receiveFifo: 14,
  inputQueue: 16,
  output: 18,
} as const;
type Word = (typeof Word)[keyof typeof Word];

const HEADER_BYTES = 128;
/** What the host has typed and the guest's receiver has not yet taken. */
const INPUT_QUEUE_BYTES = 4096;
/** What the guest has sent and the device thread has not yet drained. */
const OUTPUT_BYTES = 32768;
const STATE_BYTES = HEADER_BYTES + FIFO_BYTES + INPUT_QUEUE_BYTES + OUTPUT_BYTES;

const LINE_UP = ModemStatus.carrierDetect | ModemStatus.dataSetReady | ModemStatus.clearToSend;

/** How one thread passes on what an access has caused. Each thread that serves the device has its own. */
export interface UartPort {
  /**
   * The interrupt line's new level. Called with the device's lock held, so that levels reach the interrupt controller in the
   * order in which they came about: set the line, and nothing else.
   */
  setIrqLevel(level: 0 | 1): void;
  /** The output was empty and holds bytes now. Called without the lock. */
  outputReady(): void;
  /** {@link Uart16550.sendInput} has refused bytes, and there is room for a good many now. Called without the lock. */
  inputWanted(): void;
}

/** A serial port as after a reset, for {@link Uart16550}. */
export function allocateUartState(): SharedArrayBuffer {
  return new SharedArrayBuffer(STATE_BYTES);
}

/**
 * A 16550A serial port. Its whole state is in shared memory behind a lock, so any vCPU's thread serves its guest's accesses
 * itself; each thread makes its own object over the same state. The transmitter takes no time: bytes go into a ring that
 * {@link drainOutput} empties; when that is full, the holding register stays full too, and what the guest sends all the
 * same is lost, as on a wire. Input waits until the guest raises "request to send", as a line with flow control makes it.
 */
export class Uart16550 {
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #lock: SharedLock;
  readonly #receiveFifo: ByteRing;
  readonly #inputQueue: ByteRing;
  readonly #output: ByteRing;
  readonly #port: UartPort;

  constructor(state: SharedArrayBuffer, port: UartPort) {
    this.#words = new Int32Array(state, 0, HEADER_BYTES / 4);
    this.#lock = new SharedLock(this.#words, Word.lock);
    let at = HEADER_BYTES;
    const ring = (word: Word, sizeBytes: number): ByteRing => {
      const bytes = new Uint8Array(state, at, sizeBytes);
      at += sizeBytes;
      return new ByteRing(this.#words, word, bytes);
    };
    this.#receiveFifo = ring(Word.receiveFifo, FIFO_BYTES);
    this.#inputQueue = ring(Word.inputQueue, INPUT_QUEUE_BYTES);
    this.#output = ring(Word.output, OUTPUT_BYTES);
    this.#port = port;
  }

  /** The guest reads one byte at `offset` 0–7 from the base port. */
  read(offset: number): number {
    return this.#locked(() => this.#readRegister(offset));
  }

  /** The guest writes one byte. */
  write(offset: number, value: number): void {
    this.#locked(() => this.#writeRegister(offset, value & 0xff));
  }

  /** Takes out what the guest has sent, up to `target`'s length, and says how many bytes that were. */
  drainOutput(target: Uint8Array): number {
    return this.#locked(() => {
      const wasReady = this.#transmitterReady;
      let taken = 0;
      for (; taken < target.length; taken++) {
        const byte = this.#output.shift();
        if (byte === undefined) break;
        target[taken] = byte;
      }
      if (!wasReady && this.#transmitterReady) this.#set(Word.transmitterEmptyPending, 1);
      return taken;
    });
  }

  /** Types `bytes`. Says how many the port took; the rest is to be sent again at {@link UartPort.inputWanted}. */
  sendInput(bytes: Uint8Array): number {
    return this.#locked(() => {
      let taken = 0;
      while (taken < bytes.length) {
        this.#receive();
        const room = this.#inputQueue.free;
        if (room === 0) break;
        for (const byte of bytes.subarray(taken, taken + room)) this.#inputQueue.push(byte);
        taken = Math.min(taken + room, bytes.length);
      }
      this.#receive();
      this.#set(Word.inputRefused, taken < bytes.length ? 1 : 0);
      return taken;
    });
  }

  #locked<Result>(access: () => Result): Result {
    this.#lock.acquire();
    const outputBefore = this.#output.count;
    let outputReady = false;
    let inputWanted = false;
    let result: Result;
    try {
      result = access();
      outputReady = outputBefore === 0 && this.#output.count > 0;
      inputWanted = this.#get(Word.inputRefused) === 1 && this.#inputQueue.free >= INPUT_QUEUE_BYTES / 2;
      if (inputWanted) this.#set(Word.inputRefused, 0);
      this.#updateIrq();
    } finally {
      this.#lock.release();
    }
    if (outputReady) this.#port.outputReady();
    if (inputWanted) this.#port.inputWanted();
    return result;
  }

  #readRegister(offset: number): number {
    switch (offset) {
      case UartOffset.data:
        return this.#latched ? this.#get(Word.divisorLow) : this.#readReceived();
      case UartOffset.interruptEnable:
        return this.#get(this.#latched ? Word.divisorHigh : Word.interruptEnable);
      case UartOffset.interruptIdentity: {
        const cause = this.#interruptCause();
        if (cause === InterruptIdentity.transmitterEmpty) this.#set(Word.transmitterEmptyPending, 0);
        return cause | (this.#fifosEnabled ? InterruptIdentity.fifosEnabled : 0);
      }
      case UartOffset.lineControl:
        return this.#get(Word.lineControl);
      case UartOffset.modemControl:
        return this.#get(Word.modemControl);
      case UartOffset.lineStatus: {
        const status = this.#lineStatus();
        this.#set(Word.overrun, 0);
        return status;
      }
      case UartOffset.modemStatus: {
        const status = this.#modemSignals() | this.#get(Word.modemDelta);
        this.#set(Word.modemDelta, 0);
        return status;
      }
      case UartOffset.scratch:
        return this.#get(Word.scratch);
      default:
        return 0xff;
    }
  }

  #writeRegister(offset: number, value: number): void {
    switch (offset) {
      case UartOffset.data:
        if (this.#latched) this.#set(Word.divisorLow, value);
        else this.#transmit(value);
        break;
      case UartOffset.interruptEnable:
        if (this.#latched) this.#set(Word.divisorHigh, value);
        else this.#enableInterrupts(value & InterruptEnable.all);
        break;
      case UartOffset.interruptIdentity:
        this.#controlFifos(value);
        break;
      case UartOffset.lineControl:
        this.#set(Word.lineControl, value);
        break;
      case UartOffset.modemControl:
        this.#controlModem(value & ModemControl.all);
        break;
      case UartOffset.scratch:
        this.#set(Word.scratch, value);
        break;
      default:
        // The status registers are the device's to write; a guest's write means nothing.
        break;
    }
  }

  #transmit(byte: number): void {
    this.#set(Word.transmitterEmptyPending, 0);
    if (this.#loopback) {
      if (this.#receiveFifo.count >= this.#fifoDepth || !this.#receiveFifo.push(byte)) this.#set(Word.overrun, 1);
    } else {
      this.#output.push(byte);
    }
    if (this.#transmitterReady) this.#set(Word.transmitterEmptyPending, 1);
  }

  #readReceived(): number {
    const byte = this.#receiveFifo.shift() ?? 0;
    this.#receive();
    return byte;
  }

  /** Moves typed bytes into the receiver for as long as the guest lets them come. */
  #receive(): void {
    if (this.#loopback || (this.#get(Word.modemControl) & ModemControl.requestToSend) === 0) return;
    while (this.#receiveFifo.count < this.#fifoDepth) {
      const byte = this.#inputQueue.shift();
      if (byte === undefined) return;
      this.#receiveFifo.push(byte);
    }
  }

  #enableInterrupts(enabled: number): void {
    const rose = enabled & ~this.#get(Word.interruptEnable);
    this.#set(Word.interruptEnable, enabled);
    if ((rose & InterruptEnable.transmitterEmpty) !== 0 && this.#transmitterReady) {
      this.#set(Word.transmitterEmptyPending, 1);
    }
  }

  #controlFifos(value: number): void {
    const toggled = ((value ^ this.#get(Word.fifoControl)) & FifoControl.enable) !== 0;
    this.#set(Word.fifoControl, value);
    if (toggled || (value & FifoControl.clearReceiver) !== 0) this.#receiveFifo.clear();
    this.#receive();
  }

  #controlModem(value: number): void {
    const before = this.#modemSignals();
    this.#set(Word.modemControl, value);
    const after = this.#modemSignals();
    let changed = (before ^ after) & ~ModemStatus.ringIndicator;
    changed |= before & ~after & ModemStatus.ringIndicator;
    this.#set(Word.modemDelta, this.#get(Word.modemDelta) | (changed >> ModemStatus.deltaShift));
    this.#receive();
  }

  /** The modem's four lines; in loopback the port's own four outputs. */
  #modemSignals(): number {
    if (!this.#loopback) return LINE_UP;
    const control = this.#get(Word.modemControl);
    return (
      ((control & ModemControl.requestToSend) !== 0 ? ModemStatus.clearToSend : 0) |
      ((control & ModemControl.dataTerminalReady) !== 0 ? ModemStatus.dataSetReady : 0) |
      ((control & ModemControl.out1) !== 0 ? ModemStatus.ringIndicator : 0) |
      ((control & ModemControl.out2) !== 0 ? ModemStatus.carrierDetect : 0)
    );
  }

  #lineStatus(): number {
    return (
      (this.#receiveFifo.count > 0 ? LineStatus.dataReady : 0) |
      (this.#get(Word.overrun) === 1 ? LineStatus.overrun : 0) |
      (this.#transmitterReady ? LineStatus.transmitterHoldingEmpty | LineStatus.transmitterEmpty : 0)
    );
  }

  #interruptCause(): number {
    const enabled = this.#get(Word.interruptEnable);
    const received = this.#receiveFifo.count;
    if ((enabled & InterruptEnable.lineStatus) !== 0 && this.#get(Word.overrun) === 1)
      return InterruptIdentity.lineStatus;
    if ((enabled & InterruptEnable.received) !== 0 && received > 0) {
      return received >= this.#receiveTrigger ? InterruptIdentity.received : InterruptIdentity.receiveTimeout;
    }
    if ((enabled & InterruptEnable.transmitterEmpty) !== 0 && this.#get(Word.transmitterEmptyPending) === 1) {
      return InterruptIdentity.transmitterEmpty;
    }
    if ((enabled & InterruptEnable.modemStatus) !== 0 && this.#get(Word.modemDelta) !== 0)
      return InterruptIdentity.modemStatus;
    return InterruptIdentity.none;
  }

  #updateIrq(): void {
    const isGated = this.#loopback || (this.#get(Word.modemControl) & ModemControl.out2) === 0;
    const level = !isGated && this.#interruptCause() !== InterruptIdentity.none ? 1 : 0;
    if (level === this.#get(Word.irqLevel)) return;
    this.#set(Word.irqLevel, level);
    this.#port.setIrqLevel(level);
  }

  /** The guest may send a whole FIFO's worth each time it sees the transmitter empty, so there must be room for that. */
  get #transmitterReady(): boolean {
    return this.#loopback || this.#output.free >= FIFO_BYTES;
  }

  get #fifosEnabled(): boolean {
    return (this.#get(Word.fifoControl) & FifoControl.enable) !== 0;
  }

  get #fifoDepth(): number {
    return this.#fifosEnabled ? FIFO_BYTES : 1;
  }

  get #receiveTrigger(): number {
    if (!this.#fifosEnabled) return 1;
    return RECEIVE_TRIGGERS[(this.#get(Word.fifoControl) >> FifoControl.triggerShift) & 3] ?? 1;
  }

  get #latched(): boolean {
    return (this.#get(Word.lineControl) & LineControl.divisorLatch) !== 0;
  }

  get #loopback(): boolean {
    return (this.#get(Word.modemControl) & ModemControl.loopback) !== 0;
  }

  #get(word: Word): number {
    return this.#words[word] ?? 0;
  }

  #set(word: Word, value: number): void {
    this.#words[word] = value;
  }
}
