/** The 16550A's registers and bits (National Semiconductor PC16550D data sheet, section 8). Offsets are from the base port. */

/** First serial port of a PC: eight I/O ports, interrupt 4. */
export const COM1 = { port: 0x3f8, size: 8, gsi: 4 } as const;

export const UartOffset = {
  /** RBR (read) and THR (write); DLL while LCR.DLAB is set. */
  data: 0,
  /** IER; DLM while LCR.DLAB is set. */
  interruptEnable: 1,
  /** IIR (read) and FCR (write). */
  interruptIdentity: 2,
  lineControl: 3,
  modemControl: 4,
  lineStatus: 5,
  modemStatus: 6,
  scratch: 7,
} as const;

export const InterruptEnable = {
  received: 0x01,
  transmitterEmpty: 0x02,
  lineStatus: 0x04,
  modemStatus: 0x08,
  all: 0x0f,
} as const;

/** In order of priority, highest first; bit 0 clear means "pending". */
export const InterruptIdentity = {
  lineStatus: 0x06,
  received: 0x04,
  /** Bytes below the trigger level have waited: here at once, as no line time passes. */
  receiveTimeout: 0x0c,
  transmitterEmpty: 0x02,
  modemStatus: 0x00,
  none: 0x01,
  fifosEnabled: 0xc0,
} as const;

export const FifoControl = { enable: 0x01, clearReceiver: 0x02, triggerShift: 6 } as const;
/** Bytes that raise "received", by FCR bits 7:6. */
export const RECEIVE_TRIGGERS = [1, 4, 8, 14] as const;
export const FIFO_BYTES = 16;

export const LineControl = { divisorLatch: 0x80 } as const;

export const ModemControl = {
  dataTerminalReady: 0x01,
  requestToSend: 0x02,
  out1: 0x04,
  /** On a PC this output gates the interrupt line. */
  out2: 0x08,
  loopback: 0x10,
  all: 0x1f,
} as const;

export const LineStatus = {
  dataReady: 0x01,
  overrun: 0x02,
  transmitterHoldingEmpty: 0x20,
  transmitterEmpty: 0x40,
} as const;

export const ModemStatus = {
  clearToSend: 0x10,
  dataSetReady: 0x20,
  ringIndicator: 0x40,
  carrierDetect: 0x80,
  /** Each signal's "has changed" bit is 4 below it; the ring indicator's is set when it falls only. */
  deltaShift: 4,
} as const;
