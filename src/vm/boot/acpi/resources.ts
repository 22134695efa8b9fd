import { type Aml, buffer, littleEndian } from './aml.ts';

/** Resource descriptors (ACPI 6.5 section 6.4). */
const Tag = {
  /** Small, IRQ without flags: edge-triggered, active high, not shared. */
  irqNoFlags: 0x22,
  ioPort: 0x47,
  end: 0x79,
  qwordAddressSpace: 0x8a,
} as const;

const QWORD_BODY_BYTES = 43;
const RESOURCE_TYPE_MEMORY = 0;
/** Minimum and maximum are fixed; positive decode; the device hands the range on to its children. */
const FIXED_PRODUCER = 0x0c;
const READ_WRITE_NON_CACHEABLE = 0x01;
const DECODE_16_BITS = 1;

/** A `_CRS` value: the descriptors, and the end tag with checksum 0 ("not checked"). */
export const resourceTemplate = (...descriptors: readonly (readonly number[])[]): Aml =>
  buffer([...descriptors.flat(), Tag.end, 0]);

/** A memory range that a module device produces for its children; the only kind besides DWordMemory that Linux's VMBus driver reads. */
export function qwordMemory(gpa: number, sizeBytes: number): readonly number[] {
  return [
    Tag.qwordAddressSpace,
    ...littleEndian(QWORD_BODY_BYTES, 2),
    RESOURCE_TYPE_MEMORY,
    FIXED_PRODUCER,
    READ_WRITE_NON_CACHEABLE,
    ...littleEndian(0, 8), // granularity
    ...littleEndian(gpa, 8),
    ...littleEndian(gpa + sizeBytes - 1, 8),
    ...littleEndian(0, 8), // translation
    ...littleEndian(sizeBytes, 8),
  ];
}

/** `count` I/O ports from `port` on, where the device stays. */
export function ioPorts(port: number, count: number): readonly number[] {
  return [Tag.ioPort, DECODE_16_BITS, ...littleEndian(port, 2), ...littleEndian(port, 2), 1, count];
}

/** One interrupt, 0–15. */
export function irq(line: number): readonly number[] {
  return [Tag.irqNoFlags, ...littleEndian(1 << line, 2)];
}
