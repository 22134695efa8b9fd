/** What a VM says and hears, as records. See README.md and docs/trace.md. */
export { wiresharkDissector } from './dissector/dissector.ts';
export { formatChannel, formatMessage, formatTime, jsonFields } from './format-record.ts';
export type { JsonValue } from './format-record.ts';
export { captureEnd, capturePacket, captureStart } from './pcapng.ts';
export type { CaptureFacts } from './pcapng.ts';
export { MAX_CHUNK_BYTES } from './record-layouts.ts';
export { readRecord, recordsIn } from './read-record.ts';
export type { RecordChannel, TraceRecord } from './read-record.ts';
export { recordJson } from './record-json.ts';
export type { RecordJson } from './record-json.ts';
export { Trace } from './trace.ts';
export type { TraceParts, TraceReader } from './trace.ts';
export type { TraceChunk } from './trace-ring.ts';
