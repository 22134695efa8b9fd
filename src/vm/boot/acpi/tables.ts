import { BootError, BootErrorCode } from '../boot-error.ts';
import { ACPI_AREA_BYTES, GuestAddress, type MmioWindow } from '../guest-map.ts';
import type { MemoryWrite } from '../memory-write.ts';
import { littleEndian } from './aml.ts';
import { dsdtAml } from './dsdt.ts';
import { makeFadt } from './fadt.ts';
import { makeMadt } from './madt.ts';
import { type AcpiTable, makeTable, OEM_ID, putText, seal } from './table.ts';

const DSDT_REVISION = 2;
const XSDT_REVISION = 1;

/** Root System Description Pointer (ACPI 6.5 section 5.2.5.3). */
const Rsdp = {
  checksum: 8,
  oemId: 9,
  revision: 15,
  length: 20,
  xsdt: 24,
  extendedChecksum: 32,
  sizeBytes: 36,
} as const;
const RSDP_REVISION = 2;
/** What the first checksum covers: the structure as it was in ACPI 1.0. */
const RSDP_OLD_BYTES = 20;

/** The first table lies one page behind the RSDP. */
const FIRST_TABLE_GPA = GuestAddress.acpi + 0x1000;
const TABLE_ALIGNMENT = 16;

export interface AcpiTables {
  /** Where boot parameters point at. */
  readonly rsdpGpa: number;
  readonly writes: readonly MemoryWrite[];
  /** RSDP excluded. */
  readonly tables: readonly AcpiTable[];
}

/**
 * The ACPI tables of a guest, placed below 1 MiB.
 *
 * @param options.apicIds one id a processor, the boot processor's first.
 * @param options.windows memory that VMBus devices may use.
 * @param options.hasRtc whether there is a CMOS clock; true if not given.
 * @throws BootError `cpu-count` without a processor or with more than the tables' place holds.
 */
export function buildAcpiTables(options: {
  readonly apicIds: readonly number[];
  readonly windows: readonly MmioWindow[];
  readonly hasRtc?: boolean;
}): AcpiTables {
  const hasRtc = options.hasRtc ?? true;
  const writes: MemoryWrite[] = [];
  let nextGpa = FIRST_TABLE_GPA;
  const place = (table: AcpiTable): number => {
    const gpa = nextGpa;
    writes.push({ gpa, bytes: table.bytes });
    nextGpa = Math.ceil((gpa + table.bytes.length) / TABLE_ALIGNMENT) * TABLE_ALIGNMENT;
    return gpa;
  };

  const dsdt = makeTable('DSDT', DSDT_REVISION, dsdtAml({ windows: options.windows, hasRtc }));
  const fadt = makeFadt({ dsdtGpa: place(dsdt), hasRtc });
  const madt = makeMadt(options.apicIds);
  const pointers = [place(fadt), place(madt)];
  const xsdt = makeTable(
    'XSDT',
    XSDT_REVISION,
    pointers.flatMap((gpa) => littleEndian(gpa, 8)),
  );
  writes.push({ gpa: GuestAddress.acpi, bytes: makeRsdp(place(xsdt)) });
  if (options.apicIds.length === 0 || nextGpa > GuestAddress.acpi + ACPI_AREA_BYTES) {
    throw new BootError(
      BootErrorCode.cpuCount,
      `A guest can't have ${options.apicIds.length} virtual processors. Give it at least one, and fewer than 7000.`,
    );
  }
  return { rsdpGpa: GuestAddress.acpi, writes, tables: [dsdt, fadt, madt, xsdt] };
}

function makeRsdp(xsdtGpa: number): Uint8Array {
  const bytes = new Uint8Array(Rsdp.sizeBytes);
  const view = new DataView(bytes.buffer);
  putText(bytes, 0, 'RSD PTR ');
  putText(bytes, Rsdp.oemId, OEM_ID);
  view.setUint8(Rsdp.revision, RSDP_REVISION);
  view.setUint32(Rsdp.length, Rsdp.sizeBytes, true);
  view.setBigUint64(Rsdp.xsdt, BigInt(xsdtGpa), true);
  seal(bytes, Rsdp.checksum, RSDP_OLD_BYTES);
  seal(bytes, Rsdp.extendedChecksum, Rsdp.sizeBytes);
  return bytes;
}
