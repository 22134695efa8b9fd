import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PciDomains } from './pci-domains.ts';

test('the domain that a host wishes for, if it is free; 0 is the machine’s own', () => {
  const domains = new PciDomains();
  assert.equal(domains.take(0x9bcd), 0x9bcd);
  assert.equal(domains.take(0x9bcd), 0x9bce);
  assert.equal(domains.take(0), 1);
  assert.equal(domains.take(0xffff), 0xffff);
  assert.equal(domains.take(0xffff), 2, 'round the corner, past 0 and what is taken');
  domains.give(0x9bcd);
  assert.equal(domains.take(0x9bcd), 0x9bcd);
});

test('when all are taken there is none to be had', () => {
  const domains = new PciDomains();
  for (let count = 0; count < 0xffff; count += 1) domains.take(count + 1);
  assert.throws(() => domains.take(5), { name: 'RangeError', message: 'every PCI domain of the guest is taken' });
  domains.give(7);
  assert.equal(domains.take(5), 7);
});
