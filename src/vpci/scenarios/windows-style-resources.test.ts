import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type BarResources, decodeBarResources, encodeBarResources } from '../bar-resources.ts';
import type { InterruptRequest } from '../interrupt-tokens.ts';
import { fixture } from '../testing/fixture.ts';
import { SpyFunction } from '../testing/spy-function.ts';
import { encodeRequest } from '../wire/encode-guest.ts';
import { type DescriptorForm, encodeDescriptor } from '../wire/msi-descriptors.ts';
import { REPLIES } from '../wire/replies.ts';
import { cells, joinCells, withTail } from '../wire/shape.ts';
import { NtStatus } from '../wire/status.ts';
import { MSI_TOKEN } from '../wire/structures.ts';

const HIGH: BarResources = [
  { address: 0x10_0000_0000n, lengthBytes: 0x4000n },
  undefined,
  undefined,
  undefined,
  undefined,
  undefined,
];
const one: InterruptRequest = { vector: 0x51, vectorCount: 1, deliveryMode: 'fixed', vps: [0] };

const FORMS = [
  { form: 1, name: 'RESOURCES_ASSIGNED', cellBytes: 16, replyCellBytes: 16 },
  { form: 2, name: 'RESOURCES_ASSIGNED2', cellBytes: 72, replyCellBytes: 72 },
  { form: 3, name: 'RESOURCES_ASSIGNED3', cellBytes: 80, replyCellBytes: 72 },
] as const;

function assigned(form: DescriptorForm, resources: BarResources, interrupts: readonly InterruptRequest[]): Uint8Array {
  const { name, cellBytes } = FORMS[form - 1] ?? assert.fail();
  const fixed = encodeRequest(name, {
    slot: 0,
    resources: encodeBarResources(resources),
    descriptorCount: interrupts.length,
  });
  return withTail(
    fixed,
    joinCells(
      interrupts.map((request) => encodeDescriptor(request, form)),
      cellBytes,
    ),
  );
}

for (const { form, name, replyCellBytes } of FORMS) {
  test(`${name} places the BARs and answers with a token for each descriptor`, () => {
    const { fn, provider, guest } = fixture();
    guest.handshake();
    const requests = [one, { ...one, vectorCount: 0 }, { ...one, vector: 0x60, vectorCount: 4 }];
    const reply = guest.ask(assigned(form, HIGH, requests)) ?? assert.fail();

    const { status, slot, resources, tokenCount } = REPLIES.ASSIGNED.layout.decode(reply);
    assert.deepEqual([status, slot, tokenCount], [0, 0, 3]);
    assert.deepEqual(decodeBarResources(resources), HIGH);
    const tokens = cells(reply.subarray(136), replyCellBytes, 3).map((cell) => MSI_TOKEN.decode(cell));
    assert.deepEqual(
      tokens.map(({ vectorCount }) => vectorCount),
      [1, 0, 4],
    );
    assert.equal(provider.interruptTarget(tokens[2] ?? assert.fail())?.vector, 0x60);
    assert.deepEqual(tokens[1], { vectorCount: 0, data: 0, address: 0n });
    assert.deepEqual([fn.readConfig(0x10, 4), fn.readConfig(0x14, 4)], [4, 0x10]);
    assert.equal(provider.maxReplyBytes >= reply.byteLength, true);
  });
}

test('where the BARs are, before and after', () => {
  const { guest } = fixture();
  guest.handshake();
  // Windows sends 32 bytes.
  const query = withTail(encodeRequest('QUERY_RESOURCE_RESOURCES', { slot: 0 }), new Uint8Array(24));
  const current = () => {
    const { listVersion, listRevision, resourceCount, resources } = REPLIES.CURRENT_RESOURCES.layout.decode(
      guest.ask(query) ?? assert.fail(),
    );
    assert.deepEqual([listVersion, listRevision, resourceCount], [1, 1, 6]);
    return decodeBarResources(resources);
  };
  assert.deepEqual(current(), Array(6).fill(undefined));
  guest.ask(assigned(3, HIGH, []));
  assert.deepEqual(current(), HIGH);
});

test('memory decoding follows the power state', () => {
  const { fn, guest } = fixture();
  guest.handshake();
  assert.equal(guest.askStatus(encodeRequest('POWER_STATE_CHANGE', { slot: 0, state: 1 })), NtStatus.SUCCESS);
  assert.equal(fn.command, 2);
  fn.writeConfig(4, 2, 6);
  assert.equal(guest.askStatus(encodeRequest('POWER_STATE_CHANGE', { slot: 0, state: 4 })), NtStatus.SUCCESS);
  assert.equal(fn.command, 4);
});

test('an assignment that cannot be is refused whole', () => {
  const { fn, machine, guest } = fixture();
  guest.handshake();
  const low: BarResources = [{ address: 0x2000n, lengthBytes: 0x4000n }, ...HIGH.slice(1)];
  assert.equal(guest.askStatus(assigned(2, low, [one])), NtStatus.BAD_DATA);
  assert.equal(guest.askStatus(assigned(2, HIGH, [one, { ...one, vector: 3 }])), NtStatus.BAD_DATA);
  const many = Array.from({ length: 16 }, () => ({ ...one, vectorCount: 32 }));
  assert.equal(guest.askStatus(assigned(2, HIGH, many)), NtStatus.INSUFFICIENT_RESOURCES);
  assert.equal(machine.targetChanges, 0);
  assert.equal(fn.readConfig(0x14, 4), 0);
  assert.equal(guest.askStatus(assigned(2, HIGH, many.slice(0, 15))), NtStatus.SUCCESS);
});

test('one descriptor more than a function can have is refused, even if it asks for nothing', () => {
  const { guest } = fixture();
  guest.handshake();
  const nothing = Array.from({ length: 495 }, () => ({ ...one, vectorCount: 0 }));
  assert.equal(guest.askStatus(assigned(2, HIGH, nothing)), NtStatus.BAD_DATA);
  assert.equal(guest.askStatus(assigned(2, HIGH, nothing.slice(1))), NtStatus.SUCCESS);
});

test('the largest assignment fits the promised reply', () => {
  const { provider, guest } = fixture();
  guest.handshake();
  const reply =
    guest.ask(
      assigned(
        3,
        HIGH,
        Array.from({ length: 494 }, () => one),
      ),
    ) ?? assert.fail();
  assert.equal(reply.byteLength, provider.maxReplyBytes);
});

test('a BAR of 32 bits is one register, and its neighbours are left alone', () => {
  const fn = new SpyFunction({
    bars: [
      { index: 1, kind: 'memory32', prefetchable: false, sizeBytes: 0x1000 },
      { index: 2, kind: 'memory32', prefetchable: false, sizeBytes: 0x1000 },
      { index: 4, kind: 'memory64', prefetchable: true, sizeBytes: 0x10_0000 },
    ],
  });
  const { guest } = fixture({ functions: [{ function: fn }] });
  guest.handshake();
  fn.writeConfig(0x18, 4, 0xe000_0000);
  const placed: BarResources = [
    undefined,
    { address: 0xfebf_f000n, lengthBytes: 0x1000n },
    undefined,
    undefined,
    { address: 0x20_0030_0000n, lengthBytes: 0x10_0000n },
    undefined,
  ];
  assert.equal(guest.askStatus(assigned(3, placed, [])), NtStatus.SUCCESS);
  assert.deepEqual(
    [0x10, 0x14, 0x18, 0x1c, 0x20, 0x24].map((offset) => fn.readConfig(offset, 4)),
    [0, 0xfebf_f000, 0xe000_0000, 0, 0x0030_000c, 0x20],
  );
  const query = encodeRequest('QUERY_RESOURCE_RESOURCES', { slot: 0 });
  const { resources } = REPLIES.CURRENT_RESOURCES.layout.decode(guest.ask(query) ?? assert.fail());
  const second = { address: 0xe000_0000n, lengthBytes: 0x1000n };
  assert.deepEqual(decodeBarResources(resources), placed.with(2, second));
});

test('what was made for an assignment that fails goes back, also behind descriptors that ask for nothing', () => {
  const { machine, provider, guest } = fixture();
  guest.handshake();
  const block = { ...one, vectorCount: 32 };
  const many = [{ ...one, vectorCount: 0 }, ...Array.from({ length: 16 }, () => block)];
  assert.equal(guest.askStatus(assigned(3, HIGH, many)), NtStatus.INSUFFICIENT_RESOURCES);
  assert.deepEqual([machine.targets.size, provider.snapshot().functions[0]?.messages], [0, 0]);
});
