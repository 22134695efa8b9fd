import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FunctionBorrower, MsiMessage } from '../../functions/index.ts';
import { FakeFunction } from '../../functions/testing/index.ts';
import { fixture } from '../testing/fixture.ts';

/** A function under the policy of physical ones, attached as a machine does. */
function lentFunction(): { fn: FakeFunction; messages: Map<number, MsiMessage>; bars: Map<number, number> } {
  const fn = new FakeFunction();
  const messages = new Map<number, MsiMessage>();
  const bars = new Map<number, number>();
  const borrower: FunctionBorrower = {
    imageAccessChanged: () => undefined,
    doorbellsChanged: () => undefined,
    barMoved: (index, gpa) => void (gpa === undefined ? bars.delete(index) : bars.set(index, gpa)),
    messageChanged: (vector, message) => void (message ? messages.set(vector, message) : messages.delete(vector)),
    releaseRequested: () => assert.fail('nobody asked for the function'),
    failed: (reason) => assert.fail(reason),
  };
  fn.attach(borrower);
  return { fn, messages, bars };
}

const MSIX_TABLE = 0x2000;

test('a guest sizes and places BARs, programs a vector and takes interrupts, then all of it is gone', () => {
  const { fn, messages, bars } = lentFunction();
  const { provider, guest } = fixture({ functions: [{ function: fn }] });
  const { version, functions, barMasks } = guest.handshake();
  assert.deepEqual(functions[0]?.identity, fn.identity);

  // What the bus says of the BARs is what sizing them says.
  const [low, high] = barMasks.get(0) ?? assert.fail();
  provider.configWindowWrite(0x1010, 4, 0xffff_ffff);
  provider.configWindowWrite(0x1014, 4, 0xffff_ffff);
  assert.deepEqual([provider.configWindowRead(0x1010, 4), provider.configWindowRead(0x1014, 4)], [low, high]);
  provider.configWindowWrite(0x1010, 4, 0);
  provider.configWindowWrite(0x1014, 4, 0x10);
  provider.configWindowWrite(0x1004, 2, 6);
  assert.deepEqual([...bars], [[0, 0x10_0000_0000]]);

  const capability = msixCapability(provider);
  const token = guest.createInterrupt(version, 0, { vector: 0x21, vps: [1] });
  provider.configWindowWrite(capability + 2, 2, 0x8000);
  fn.writeBar(0, MSIX_TABLE, 4, token.address & 0xffff_ffffn);
  fn.writeBar(0, MSIX_TABLE + 4, 4, token.address >> 32n);
  fn.writeBar(0, MSIX_TABLE + 8, 4, BigInt(token.data));
  fn.writeBar(0, MSIX_TABLE + 12, 4, 0n);
  const message = messages.get(0) ?? assert.fail('the vector was never programmed');
  assert.deepEqual(provider.interruptTarget(message), { vector: 0x21, vps: [1] });

  guest.channel.close();
  assert.deepEqual([bars.size, messages.size], [0, 0]);
  assert.equal(provider.interruptTarget(message), undefined);
  fn.close();
});

/** The offset in the config window of the MSI-X capability, found as a guest finds it. */
function msixCapability(provider: { configWindowRead(offset: number, sizeBytes: number): number }): number {
  let at = provider.configWindowRead(0x1034, 1);
  while (at !== 0) {
    if (provider.configWindowRead(0x1000 + at, 1) === 0x11) return 0x1000 + at;
    at = provider.configWindowRead(0x1001 + at, 1);
  }
  return assert.fail('no MSI-X capability');
}
