import assert from 'node:assert/strict';
import { test } from 'node:test';
import { locationPath } from './location-path.ts';

test('a function behind one root port', () => {
  const hops = [
    { device: 1, function: 0 },
    { device: 0, function: 0 },
  ];
  assert.equal(locationPath(0, hops), 'PCIROOT(0)#PCI(0100)#PCI(0000)');
});

test('numbers are upper-case hexadecimal', () => {
  assert.equal(locationPath(0x1a, [{ device: 0x1c, function: 5 }]), 'PCIROOT(1A)#PCI(1C05)');
});
