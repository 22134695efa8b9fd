import assert from 'node:assert/strict';
import test from 'node:test';
import { SystemCallError } from '../libc/system-call-error.ts';
import { processorServesApic } from './apic-acceleration.ts';

const ENOENT = 2;

/** `parameters`: by module. */
function reading(parameters: Readonly<Record<string, string>>): (path: string) => string {
  return (path) => {
    const value = parameters[path.split('/')[3] ?? ''];
    if (value === undefined) throw new SystemCallError(ENOENT, 'open', path);
    return value;
  };
}

test('either vendor may say so, as a letter or as a number', () => {
  assert.equal(processorServesApic(reading({ kvm_intel: 'Y' })), true);
  assert.equal(processorServesApic(reading({ kvm_intel: 'N' })), false);
  assert.equal(processorServesApic(reading({ kvm_amd: '1' })), true);
  assert.equal(processorServesApic(reading({ kvm_amd: 'N' })), false);
  assert.equal(processorServesApic(reading({})), false);
});

test('a parameter that can not be read is not taken for "no"', () => {
  const refusing = (): string => {
    throw new SystemCallError(13, 'open', 'enable_apicv');
  };
  assert.throws(() => processorServesApic(refusing), SystemCallError);
});
