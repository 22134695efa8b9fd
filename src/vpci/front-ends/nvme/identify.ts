import type { FunctionServices } from '../function-driver.ts';
import type { Steps } from '../guest-threads.ts';
import { DataBuffer } from './data-buffer.ts';
import type { QueuePair } from './queue-pair.ts';
import { AdminOpcode, IdentifyStructure, PAGE_BYTES } from './registers.ts';

export interface Namespace {
  readonly id: number;
  readonly blockBytes: number;
  readonly blockCount: number;
}

/** What a controller says that it is, with its first active namespace; undefined: it has none. */
export function* identify(
  services: FunctionServices,
  admin: QueuePair,
): Steps<{ readonly model: string; readonly namespace: Namespace | undefined }> {
  const buffer = new DataBuffer(services, PAGE_BYTES);
  const ask = function* (structure: number, namespace: number): Steps<DataView> {
    const { prp1 } = buffer;
    yield* admin.expect('identify', { opcode: AdminOpcode.identify, namespace, prp1, dwords: { 10: structure } });
    const page = buffer.read(PAGE_BYTES);
    return new DataView(page.buffer, page.byteOffset, page.byteLength);
  };
  try {
    const model = text(yield* ask(IdentifyStructure.controller, 0), 24, 40);
    const first = (yield* ask(IdentifyStructure.activeNamespaces, 0)).getUint32(0, true);
    if (first === 0) return { model, namespace: undefined };
    const namespace = yield* ask(IdentifyStructure.namespace, first);
    // Offsets of Identify Namespace: the size, the format in use, the formats.
    const format = namespace.getUint8(26) & 0xf;
    const blockBytes = 2 ** namespace.getUint8(128 + 4 * format + 2);
    return { model, namespace: { id: first, blockCount: Number(namespace.getBigUint64(0, true)), blockBytes } };
  } finally {
    buffer.free();
  }
}

function text(view: DataView, offset: number, sizeBytes: number): string {
  const codes = Array.from({ length: sizeBytes }, (_, i) => view.getUint8(offset + i));
  return String.fromCharCode(...codes).trim();
}
