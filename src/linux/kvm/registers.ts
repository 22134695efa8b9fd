import { regsLayout, regsSizeBytes, segmentLayout, sregsLayout, sregsSizeBytes, tableLayout } from './layouts.ts';

/** A general register's name: `rax` … `r15`, `rip`, `rflags`. */
export type RegName = keyof typeof regsLayout;
/** struct kvm_regs, by name. */
export type KvmRegs = Record<RegName, bigint>;

const regNames = Object.keys(regsLayout) as RegName[];
const segmentNames = ['cs', 'ds', 'es', 'fs', 'gs', 'ss', 'tr', 'ldt'] as const;
const tableNames = ['gdt', 'idt'] as const;
const controlNames = ['cr0', 'cr2', 'cr3', 'cr4', 'cr8', 'efer', 'apicBase'] as const;
const segmentByteNames = ['type', 'present', 'dpl', 'db', 's', 'l', 'g', 'avl', 'unusable'] as const;

/** A segment register with its hidden part. `limit` in bytes, whatever `g` says. */
export interface KvmSegment {
  readonly base: bigint;
  readonly limit: number;
  readonly selector: number;
  readonly type: number;
  readonly present: number;
  readonly dpl: number;
  readonly db: number;
  readonly s: number;
  readonly l: number;
  readonly g: number;
  readonly avl: number;
  readonly unusable: number;
}

/** GDTR or IDTR. */
export interface KvmTable {
  readonly base: bigint;
  readonly limit: number;
}

/** struct kvm_sregs. To change some, spread what {@link KvmVcpu.getSregs} gave. */
export type KvmSregs = Readonly<
  Record<(typeof segmentNames)[number], KvmSegment> &
    Record<(typeof tableNames)[number], KvmTable> &
    Record<(typeof controlNames)[number], bigint>
> & {
  /** 256 bits; a pending external interrupt when there is no in-kernel APIC. */
  readonly interruptBitmap: Uint8Array;
};

export function decodeRegs(bytes: Uint8Array): KvmRegs {
  const view = viewOf(bytes);
  return Object.fromEntries(regNames.map((name) => [name, view.getBigUint64(regsLayout[name], true)])) as KvmRegs;
}

export function encodeRegs(regs: KvmRegs): Uint8Array {
  const bytes = new Uint8Array(regsSizeBytes);
  const view = viewOf(bytes);
  for (const name of regNames) view.setBigUint64(regsLayout[name], regs[name], true);
  return bytes;
}

export function decodeSregs(bytes: Uint8Array): KvmSregs {
  const view = viewOf(bytes);
  const segments = segmentNames.map((name) => [name, decodeSegment(view, sregsLayout[name])]);
  const tables = tableNames.map((name) => [name, decodeTable(view, sregsLayout[name])]);
  const controls = controlNames.map((name) => [name, view.getBigUint64(sregsLayout[name], true)]);
  const interruptBitmap = bytes.slice(sregsLayout.interruptBitmap, sregsSizeBytes);
  return { ...Object.fromEntries([...segments, ...tables, ...controls]), interruptBitmap } as KvmSregs;
}

export function encodeSregs(sregs: KvmSregs): Uint8Array {
  const bytes = new Uint8Array(sregsSizeBytes);
  const view = viewOf(bytes);
  for (const name of segmentNames) encodeSegment(view, sregsLayout[name], sregs[name]);
  for (const name of tableNames) {
    view.setBigUint64(sregsLayout[name] + tableLayout.base, sregs[name].base, true);
    view.setUint16(sregsLayout[name] + tableLayout.limit, sregs[name].limit, true);
  }
  for (const name of controlNames) view.setBigUint64(sregsLayout[name], sregs[name], true);
  bytes.set(sregs.interruptBitmap, sregsLayout.interruptBitmap);
  return bytes;
}

function decodeSegment(view: DataView, at: number): KvmSegment {
  const flags = segmentByteNames.map((name) => [name, view.getUint8(at + segmentLayout[name])]);
  return {
    ...Object.fromEntries(flags),
    base: view.getBigUint64(at + segmentLayout.base, true),
    limit: view.getUint32(at + segmentLayout.limit, true),
    selector: view.getUint16(at + segmentLayout.selector, true),
  } as KvmSegment;
}

function encodeSegment(view: DataView, at: number, segment: KvmSegment): void {
  view.setBigUint64(at + segmentLayout.base, segment.base, true);
  view.setUint32(at + segmentLayout.limit, segment.limit, true);
  view.setUint16(at + segmentLayout.selector, segment.selector, true);
  for (const name of segmentByteNames) view.setUint8(at + segmentLayout[name], segment[name]);
}

function decodeTable(view: DataView, at: number): KvmTable {
  return { base: view.getBigUint64(at + tableLayout.base, true), limit: view.getUint16(at + tableLayout.limit, true) };
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
