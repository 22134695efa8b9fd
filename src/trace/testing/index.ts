/** For tests: conversations that were recorded. */
export { drain, recordedHypercalls, recordedLife, STARTED_NS, steppingTrace } from './conversation.ts';
export { flatFields } from './flat-fields.ts';
export { oddRecords } from './odd-records.ts';
