import { HYPERCALL_PORT } from '../../hyperv/index.ts';
import type { KvmRunPage } from '../../linux/index.ts';
import { COM1, type CmosRtc, PowerPort, powerRead, RtcPort, type Uart16550 } from '../devices/index.ts';

/** Ports whose writes mean something to the whole machine: the device thread's. */
const DEVICE_THREAD_WRITES: ReadonlySet<number> = new Set([HYPERCALL_PORT, ...Object.values(PowerPort)]);

/**
 * The port accesses that a vCPU's thread finishes by itself: the serial port and the clock, whose state all threads share,
 * and the many ports where nothing is, which read all ones and swallow writes.
 */
export class PortIo {
  readonly #page: KvmRunPage;
  readonly #uart: Uart16550;
  readonly #rtc: CmosRtc;

  constructor(page: KvmRunPage, uart: Uart16550, rtc: CmosRtc) {
    this.#page = page;
    this.#uart = uart;
    this.#rtc = rtc;
  }

  /** Finishes the port access that the run page holds; false: it is the device thread's. */
  finish(): boolean {
    const page = this.#page;
    const port = page.ioPort;
    if (page.ioIsWrite && DEVICE_THREAD_WRITES.has(port)) {
      return false;
    }
    const sizeBytes = page.ioSizeBytes;
    // A string instruction brings several accesses at once; a wide access to byte-wide registers is several of them.
    for (let access = 0; access < page.ioCount; access++) {
      if (page.ioIsWrite) {
        const value = page.ioValue(access);
        for (let byte = 0; byte < sizeBytes; byte++) {
          this.#write(port + byte, (value >>> (byte * 8)) & 0xff);
        }
      } else {
        let value = 0;
        for (let byte = 0; byte < sizeBytes; byte++) {
          value |= this.#read(port + byte) << (byte * 8);
        }
        page.setIoValue(value >>> 0, access);
      }
    }
    return true;
  }

  #read(port: number): number {
    if (port >= COM1.port && port < COM1.port + COM1.size) {
      return this.#uart.read(port - COM1.port);
    }
    if (port === RtcPort.index || port === RtcPort.data) {
      return this.#rtc.read(port);
    }
    return powerRead(port) ?? 0xff;
  }

  #write(port: number, value: number): void {
    if (port >= COM1.port && port < COM1.port + COM1.size) {
      this.#uart.write(port - COM1.port, value);
    } else if (port === RtcPort.index || port === RtcPort.data) {
      this.#rtc.write(port, value);
    }
  }
}
