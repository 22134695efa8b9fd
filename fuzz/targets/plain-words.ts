import { MAX_MESSAGE_BYTES } from '../../src/vm/process/protocol.ts';
import type { Probe } from '../engine/probe.ts';

const FOR_PEOPLE: readonly string[] = ['text', 'detail', 'reason', 'message', 'guestOs', 'warnings'];
const MOST_LISTED = 256;

/** Texts for people steer no terminal, and nothing is longer than was agreed. */
export function isPlain(probe: Probe, value: unknown): void {
  probe.step();
  if (typeof value === 'string') {
    probe.check(value.length <= MAX_MESSAGE_BYTES, () => `a text of ${value.length} characters`);
  } else if (Array.isArray(value)) {
    probe.check(value.length <= MOST_LISTED, () => `a list of ${value.length}`);
    for (const each of value) isPlain(probe, each);
  } else if (typeof value === 'object' && value !== null) {
    for (const [name, each] of Object.entries(value)) {
      const isText = FOR_PEOPLE.includes(name) && typeof each === 'string';
      const steers = isText && /[^\P{C}\n\t\ufffd]/u.test(each.replaceAll('\ufffd', ''));
      probe.check(!steers, () => `${name} steers a terminal`);
      // A result is whatever the request's own schema makes of it, later.
      if (name !== 'result') isPlain(probe, each);
    }
  }
}
