import { GuestAddress } from '../guest-map.ts';
import { littleEndian } from './aml.ts';
import { type AcpiTable, makeTable } from './table.ts';

/** ACPI 6.5 section 5.2.12, Multiple APIC Description Table. */
const MADT_REVISION = 5;
/** No 8259 pair. */
const MADT_FLAGS = 0;
/** Interrupt controller structures (sections 5.2.12.2, .3 and .12). */
const Structure = { localApic: 0, ioApic: 1, localX2Apic: 9 } as const;
const LOCAL_APIC_BYTES = 8;
const IO_APIC_BYTES = 12;
const LOCAL_X2APIC_BYTES = 16;
const ENABLED = 1;
/** 255 is the broadcast id: from here on a processor needs an x2APIC entry. */
const FIRST_X2APIC_ID = 255;

/** One entry a processor, in the order of `apicIds`, then the IO-APIC with the interrupts from 0 on. */
export function makeMadt(apicIds: readonly number[]): AcpiTable {
  const processors = apicIds.map((apicId, uid) =>
    apicId < FIRST_X2APIC_ID && uid < FIRST_X2APIC_ID
      ? [Structure.localApic, LOCAL_APIC_BYTES, uid, apicId, ...littleEndian(ENABLED, 4)]
      : [
          Structure.localX2Apic,
          LOCAL_X2APIC_BYTES,
          ...littleEndian(0, 2),
          ...littleEndian(apicId, 4),
          ...littleEndian(ENABLED, 4),
          ...littleEndian(uid, 4),
        ],
  );
  const ioApic = [
    Structure.ioApic,
    IO_APIC_BYTES,
    0, // id
    0,
    ...littleEndian(GuestAddress.ioApic, 4),
    ...littleEndian(0, 4), // first interrupt
  ];
  return makeTable('APIC', MADT_REVISION, [
    ...littleEndian(GuestAddress.localApic, 4),
    ...littleEndian(MADT_FLAGS, 4),
    ...processors.flat(),
    ...ioApic,
  ]);
}
