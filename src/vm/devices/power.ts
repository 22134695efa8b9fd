/** The I/O ports that end or restart the machine. The ACPI tables (FADT) point at the first three. */
export const PowerPort = {
  /** ACPI 6.5 section 4.8.3.7, SLEEP_CONTROL_REG. */
  sleepControl: 0x600,
  /** ACPI 6.5 section 4.8.3.7, SLEEP_STATUS_REG. */
  sleepStatus: 0x601,
  /** ACPI 6.5 section 4.8.3.6, RESET_REG. */
  reset: 0x602,
  /** The 8042's command port: command 0xFE pulses the reset line. */
  keyboardCommand: 0x64,
  /** The chipset's reset control register. */
  resetControl: 0xcf9,
} as const;

/** What a guest writes to have its wish (`\_S5`'s first element and FADT's RESET_VALUE are made from these). */
export const SOFT_OFF_SLEEP_TYPE = 5;
export const RESET_VALUE = 1;
const SLEEP_ENABLE = 0x20;
const SLEEP_TYPE_SHIFT = 2;
const SLEEP_TYPE_MASK = 7;
const KEYBOARD_PULSE_RESET = 0xfe;
const RESET_CONTROL_RESET_CPU = 0x04;

export type PowerEvent = 'power-off' | 'reset';

/** What the guest's write to an I/O port asks for; undefined for any write that asks nothing. */
export function powerWrite(port: number, sizeBytes: number, value: number): PowerEvent | undefined {
  if (sizeBytes !== 1) return undefined;
  switch (port) {
    case PowerPort.sleepControl: {
      const type = (value >> SLEEP_TYPE_SHIFT) & SLEEP_TYPE_MASK;
      return (value & SLEEP_ENABLE) !== 0 && type === SOFT_OFF_SLEEP_TYPE ? 'power-off' : undefined;
    }
    case PowerPort.reset:
      return value === RESET_VALUE ? 'reset' : undefined;
    case PowerPort.keyboardCommand:
      return value === KEYBOARD_PULSE_RESET ? 'reset' : undefined;
    case PowerPort.resetControl:
      return (value & RESET_CONTROL_RESET_CPU) !== 0 ? 'reset' : undefined;
    default:
      return undefined;
  }
}

const READS_ZERO: ReadonlySet<number> = new Set([
  // No sleep under way, no wake-up.
  PowerPort.sleepControl,
  PowerPort.sleepStatus,
  PowerPort.reset,
  // The 8042's status: ready for a command. Linux waits 65,536 reads for that before it pulses the reset line.
  PowerPort.keyboardCommand,
]);

/** Undefined for ports that are not ours: those read all ones. */
export function powerRead(port: number): number | undefined {
  return READS_ZERO.has(port) ? 0 : undefined;
}
