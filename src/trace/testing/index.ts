/** For tests: conversations that were recorded. */
export { drain, recordedHypercalls, recordedLife, STARTED_NS, steppingTrace } from './conversation.ts';
