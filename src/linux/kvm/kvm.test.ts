import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countOpenFiles } from '../procfs.ts';
import { decodeCpuid, encodeCpuid } from './cpuid.ts';
import { Kvm } from './kvm.ts';
import { virtualizationExtension } from './runs-guests.ts';

test('a host without KVM', () => {
  assert.throws(() => Kvm.open('/dev/no-kvm'), {
    name: 'KvmError',
    code: 'kvm-missing',
    message: /Load kvm-intel or kvm-amd/,
  });
});

test('what is not KVM is no KVM, and is closed again', () => {
  const before = countOpenFiles();
  assert.throws(() => Kvm.open('/dev/null'), { name: 'SystemCallError', call: 'KVM_GET_API_VERSION', code: 'ENOTTY' });
  assert.equal(countOpenFiles(), before);
});

test('virtualization is read off the processor’s flags, whole words only', () => {
  assert.equal(virtualizationExtension('processor\t: 0\nflags\t\t: fpu svm lahf_lm\nbugs\t\t: x\n'), 'svm');
  assert.equal(virtualizationExtension('flags\t\t: fpu vmx est\n'), 'vmx');
  assert.equal(virtualizationExtension('flags\t\t: fpu svm_lock lahf_lm\nvmx flags\t: vnmi\n'), undefined);
  assert.equal(virtualizationExtension(''), undefined);
});

test('CPUID leaves, byte by byte', () => {
  const leaf = { function: 0x4000_0003, index: 1, flags: 1, eax: 0xffff_ffff, ebx: 2, ecx: 3, edx: 4 };
  const bytes = encodeCpuid([leaf]);
  assert.deepEqual([...new Uint32Array(bytes.buffer)], [1, 0, 0x4000_0003, 1, 1, 0xffff_ffff, 2, 3, 4, 0, 0, 0]);
  assert.deepEqual(decodeCpuid(bytes), [leaf]);
});
