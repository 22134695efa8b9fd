/** The CMOS clock's two I/O ports (Motorola MC146818A data sheet; IBM PC AT). */
export const RtcPort = { index: 0x70, data: 0x71 } as const;

const Register = {
  seconds: 0x00,
  minutes: 0x02,
  hours: 0x04,
  dayOfWeek: 0x06,
  dayOfMonth: 0x07,
  month: 0x08,
  year: 0x09,
  statusA: 0x0a,
  statusB: 0x0b,
  statusC: 0x0c,
  statusD: 0x0d,
  /** Named by FADT's CENTURY field. */
  century: 0x32,
} as const;
/** FADT's CENTURY field: the register that holds the century. */
export const RTC_CENTURY_REGISTER = Register.century;

/** 32.768 kHz time base, 1024 Hz periodic rate, no update in progress. */
const STATUS_A = 0x26;
/** 24-hour mode, BCD, no interrupt enabled. */
const STATUS_B = 0x02;
/** Valid RAM and time. */
const STATUS_D = 0x80;

/** The index's top bit switches NMI off; it selects nothing. */
const INDEX_MASK = 0x7f;

const bcd = (value: number): number => (Math.floor(value / 10) << 4) | (value % 10);

/** The one byte of state, shared by all threads that serve the device: the selected register. */
export function allocateRtcState(): SharedArrayBuffer {
  return new SharedArrayBuffer(4);
}

/**
 * A CMOS real-time clock that tells the time of `now` in UTC. It can't be set and has no alarm: writes to its registers
 * are dropped, so a guest never shifts anyone's clock. Each thread makes its own object over the same state.
 */
export class CmosRtc {
  readonly #index: Int32Array<SharedArrayBuffer>;
  readonly #now: () => Date;

  constructor(state: SharedArrayBuffer, now: () => Date) {
    this.#index = new Int32Array(state, 0, 1);
    this.#now = now;
  }

  write(port: number, value: number): void {
    if (port === RtcPort.index) Atomics.store(this.#index, 0, value & INDEX_MASK);
  }

  read(port: number): number {
    // The index register is write-only: an AT's bus floats there.
    return port === RtcPort.data ? this.#register(Atomics.load(this.#index, 0)) : 0xff;
  }

  #register(index: number): number {
    const now = this.#now();
    switch (index) {
      case Register.seconds:
        return bcd(now.getUTCSeconds());
      case Register.minutes:
        return bcd(now.getUTCMinutes());
      case Register.hours:
        return bcd(now.getUTCHours());
      case Register.dayOfWeek:
        return bcd(now.getUTCDay() + 1);
      case Register.dayOfMonth:
        return bcd(now.getUTCDate());
      case Register.month:
        return bcd(now.getUTCMonth() + 1);
      case Register.year:
        return bcd(now.getUTCFullYear() % 100);
      case Register.century:
        return bcd(Math.floor(now.getUTCFullYear() / 100));
      case Register.statusA:
        return STATUS_A;
      case Register.statusB:
        return STATUS_B;
      case Register.statusD:
        return STATUS_D;
      default:
        return 0;
    }
  }
}
