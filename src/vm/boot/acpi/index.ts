export type { AcpiTable } from './table.ts';
export { type AcpiTables, buildAcpiTables } from './tables.ts';
