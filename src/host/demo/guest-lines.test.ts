import assert from 'node:assert/strict';
import test from 'node:test';
import { parseGuestLine } from './guest-lines.ts';

test('a line of the script has a key and named parts', () => {
  const line = parseGuestLine('dda-demo: disk nvme0n1 2097152 0001:00:00.0 nvme\r');
  assert.equal(line?.key, 'disk');
  assert.deepEqual(
    ['name', 'sectors', 'address', 'driver'].map((name) => line?.part(name)),
    ['nvme0n1', '2097152', '0001:00:00.0', 'nvme'],
  );
});

test('all else on the console is none', () => {
  for (const text of ['', '[    0.588706] nvme nvme0: pci function', 'dda-guest: up 1.56', ' dda-demo: ready']) {
    assert.equal(parseGuestLine(text), undefined, text);
  }
});

for (const [what, text] of [
  ['an unknown key', 'dda-demo: reday'],
  ['a key that every object has', 'dda-demo: constructor x'],
  ['a part too few', 'dda-demo: written 16777216'],
  ['a part too many', 'dda-demo: ready now'],
  ['no number', 'dda-demo: cpus two'],
  ['no CPU at all', 'dda-demo: cpus 0'],
  ['no disk but a way out of /dev', 'dda-demo: disk ../sda 1 0001:00:00.0 nvme'],
  ['a checksum cut short', `dda-demo: written 1 ${'a'.repeat(63)}`],
  ['an escape sequence', 'dda-demo: hypervisor \u001b[2J'],
  ['a kernel message in the middle', 'dda-demo: read 2000 20[   12.3] nvme: timeout'],
] as const) {
  test(`${what} is refused`, () => {
    assert.throws(() => parseGuestLine(text), { code: 'demo-guest-misspoke' });
  });
}
