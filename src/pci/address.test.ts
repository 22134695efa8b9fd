import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { comparePciAddresses, formatPciAddress, parsePciAddress, samePciAddress } from './address.ts';

test('the long and the short form name the same function', () => {
  const expected = { domain: 0, bus: 1, device: 0x1f, function: 7 };
  assert.deepEqual(parsePciAddress('0000:01:1f.7'), { ok: true, address: expected });
  assert.deepEqual(parsePciAddress('01:1F.7'), { ok: true, address: expected });
});

test("a domain behind Intel's VMD has more than four digits", () => {
  const result = parsePciAddress('10000:e1:00.0');
  assert.deepEqual(result, { ok: true, address: { domain: 0x10000, bus: 0xe1, device: 0, function: 0 } });
  assert.equal(result.ok && formatPciAddress(result.address), '10000:e1:00.0');
});

test('what is not an address is refused with a sentence that says why', () => {
  const cases: [string, RegExp][] = [
    ['', /must be \[domain:\]bus:device\.function/],
    ['01:00', /must be/],
    ['1:0.0', /two digits/],
    ['0000:01:20.0', /devices 00 to 1f, not 20/],
    ['0000:01:00.8', /functions 0 to 7, not 8/],
    ['0000:01:00.0 ', /must be/],
    ['../../etc', /must be/],
    ['\u001b[31m', /\?\[31m/],
    ['x'.repeat(500), /^"x{40}…" is not/],
  ];
  for (const [text, message] of cases) {
    const result = parsePciAddress(text);
    assert(!result.ok, text);
    assert.equal(result.error.code, 'pci-address-malformed');
    assert.match(result.error.message, message);
    assert.equal(result.error.text, text);
  }
});

const addresses = fc.record({
  domain: fc.integer({ min: 0, max: 0xffff_ffff }),
  bus: fc.integer({ min: 0, max: 255 }),
  device: fc.integer({ min: 0, max: 31 }),
  function: fc.integer({ min: 0, max: 7 }),
});

test('every address survives being written and read', () => {
  fc.assert(
    fc.property(addresses, (address) => {
      const result = parsePciAddress(formatPciAddress(address));
      assert(result.ok);
      assert(samePciAddress(result.address, address));
      assert.equal(comparePciAddresses(result.address, address), 0);
    }),
  );
});

test('addresses sort by bus before device before function', () => {
  const texts = ['0000:02:00.0', '0000:01:00.1', '0001:00:00.0', '0000:01:00.0', '0000:01:1f.0'];
  const sorted = texts
    .map((text) => parsePciAddress(text))
    .flatMap((result) => (result.ok ? [result.address] : []))
    .sort(comparePciAddresses)
    .map(formatPciAddress);
  assert.deepEqual(sorted, ['0000:01:00.0', '0000:01:00.1', '0000:01:1f.0', '0000:02:00.0', '0001:00:00.0']);
});
