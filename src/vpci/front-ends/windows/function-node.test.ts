import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ClientChannel, ClientPacket, ClientRequest } from '../../../vmbus/index.ts';
import { hex } from '../../testing/bytes.ts';
import {
  encodeAssigned,
  encodeCurrentResources,
  encodeInterruptReply,
  encodeRequirements,
  encodeStatus,
} from '../../wire/encode-host.ts';
import { type GuestMessageName, guestMessageName } from '../../wire/guest-messages.ts';
import { NtStatus } from '../../wire/status.ts';
import { VpciVersion } from '../../wire/version.ts';
import type { GuestPlatform, VectorTarget } from '../guest-platform.ts';
import type { Steps } from '../guest-threads.ts';
import { HostLink } from '../host-link.ts';
import { FunctionNode } from './function-node.ts';
import { IrpStatus } from './irp.ts';
import { WindowsVersion } from './windows-version.ts';

const SLOT = 0x21;
const CONTROL = 0x42;
const TABLE_GPA = 0x10_0000_2000;
const NO_BARS = Array<undefined>(6).fill(undefined);
const RESOURCES = {
  bars: [{ index: 0, gpa: 0x10_0000_0000, sizeBytes: 0x4000 }],
  messages: [
    { vector: 0x30, vp: 0 },
    { vector: 0x41, vp: 1 },
  ],
};
const TOKENS = [1, 2].map((data) => ({ address: 0xfee9_bcd0n, data, count: 1 }));
const SUCCESS = encodeStatus(NtStatus.SUCCESS);
const REFUSAL = encodeStatus(NtStatus.INSUFFICIENT_RESOURCES);

type Answers = Partial<Record<GuestMessageName, Uint8Array>>;

/** What an obliging host answers. */
const OBLIGING: Answers = {
  RESOURCES_ASSIGNED3: encodeAssigned(SLOT, NO_BARS, TOKENS, 'v2'),
  RESOURCES_RELEASED: SUCCESS,
  POWER_STATE_CHANGE: SUCCESS,
  QUERY_STOP: SUCCESS,
  QUERY_RESOURCE_REQUIREMENTS: encodeRequirements([0xffff_c004, 0xffff_ffff, 0xffff_f008, 0xffff_ff01, 0, 0xffff_e004]),
  QUERY_RESOURCE_RESOURCES: encodeCurrentResources([
    { address: 0xe000_0000n, lengthBytes: 0x1000n },
    ...NO_BARS.slice(1),
  ]),
  DELETE_INTERRUPT: SUCCESS,
  RESET_DEVICE: SUCCESS,
};

/** One function's node over a host that answers at once, by the table. */
class Bench implements ClientChannel {
  readonly sent: (GuestMessageName | undefined)[] = [];
  readonly writes: string[] = [];
  readonly logged: string[] = [];
  readonly handled = new Map<number, (() => void) | undefined>();
  readonly link: HostLink;
  readonly node: FunctionNode;
  readonly config = new Map<number, number>([
    [0x04, 0x0010_0000],
    [0x34, 0x40],
    [0x40, 0x0003_0011],
    [0x44, 0x2000],
    [0x48, 0x3000],
  ]);
  answers: Answers;
  onPacket: (packet: ClientPacket) => void = () => undefined;

  constructor({
    version = VpciVersion.V1_4,
    answers = {},
  }: { readonly version?: number; readonly answers?: Answers } = {}) {
    this.answers = { ...OBLIGING, ...answers };
    this.link = new HostLink(
      () => undefined,
      () => undefined,
      { dropsShortPackets: false },
    );
    this.link.opened(this);
    const platform = {
      writeMmio: (gpa: number, _sizeBytes: number, value: bigint) =>
        void this.writes.push(`${(gpa - TABLE_GPA).toString(16)}: ${value.toString(16)}`),
      handleVector: ({ vector }: VectorTarget, handler: (() => void) | undefined) =>
        void this.handled.set(vector, handler),
      log: (text: string) => void this.logged.push(text),
    } as unknown as GuestPlatform;
    this.node = new FunctionNode({
      platform,
      link: this.link,
      version,
      description: {
        identity: {
          vendorId: 0x1b36,
          deviceId: 0x0010,
          revisionId: 2,
          programmingInterface: 2,
          subClass: 8,
          baseClass: 1,
          subsystemVendorId: 0,
          subsystemId: 0,
        },
        slot: SLOT,
        serial: 7,
        virtualNumaNode: undefined,
      },
      config: {
        readConfig: (offset, sizeBytes) =>
          sizeBytes === 2 ? (this.config.get(offset & ~3) ?? 0) >>> 16 : (this.config.get(offset) ?? 0),
        writeConfig: (offset, sizeBytes, value) => {
          assert.deepEqual([offset, sizeBytes], [CONTROL, 2]);
          this.config.set(0x40, (0x0011 | (value << 16)) >>> 0);
        },
      },
    });
  }

  get msixEnabled(): boolean {
    return (this.config.get(0x40) ?? 0) >>> 31 === 1;
  }

  send({ payload, transactionId = 0n, completionRequested = false }: ClientRequest): void {
    const name = guestMessageName(new DataView(payload.buffer, payload.byteOffset).getUint32(0, true));
    this.sent.push(name);
    const answer = name && this.answers[name];
    if (completionRequested && answer !== undefined)
      this.onPacket({ kind: 'completion', transactionId, payload: answer });
  }

  close(): void {}

  take(): (GuestMessageName | undefined)[] {
    return this.sent.splice(0);
  }

  started(): this {
    assert.equal(run(this.node.dispatch('start', RESOURCES)).status, 0);
    this.take();
    return this;
  }
}

/** This host never lets anybody wait. */
function run<T>(steps: Steps<T>): T {
  const step = steps.next();
  assert.ok(step.done === true, 'it waits');
  return step.value;
}

const nothing = (): void => undefined;

test('what a function is and what it needs: ids, and room for its BARs, but for ports and what is none', () => {
  const { node } = new Bench();
  assert.deepEqual(run(node.dispatch('query-capabilities', undefined)).information, {
    uniqueNumber: 7,
    address: SLOT,
    ejectSupported: true,
  });
  assert.equal(run(node.dispatch('query-id', undefined)).information?.vendorId, 0x1b36);
  assert.deepEqual(run(node.dispatch('query-resource-requirements', undefined)).information, {
    bars: [
      { index: 0, kind: 'memory64', sizeBytes: 0x4000 },
      { index: 2, kind: 'memory32', sizeBytes: 0x1000 },
      { index: 5, kind: 'memory32', sizeBytes: 0x2000 },
    ],
    mostMessages: 4,
  });
  assert.deepEqual(run(node.dispatch('query-resources', undefined)).information, [
    { index: 0, gpa: 0xe000_0000, sizeBytes: 0x1000 },
  ]);
  assert.equal(node.state, 'not-started');
});

test('answers that are refusals, or too short, are failures of the request packet, each with its status', () => {
  const noMemory = encodeCurrentResources(NO_BARS);
  noMemory.set(hex('01'), 8);
  for (const [irp, name, answer, status] of [
    ['query-resources', 'QUERY_RESOURCE_RESOURCES', REFUSAL, NtStatus.INSUFFICIENT_RESOURCES],
    ['query-resources', 'QUERY_RESOURCE_RESOURCES', SUCCESS, IrpStatus.UNSUCCESSFUL],
    ['query-resources', 'QUERY_RESOURCE_RESOURCES', new Uint8Array(), IrpStatus.UNSUCCESSFUL],
    ['query-resources', 'QUERY_RESOURCE_RESOURCES', noMemory, IrpStatus.UNSUCCESSFUL],
    ['query-resource-requirements', 'QUERY_RESOURCE_REQUIREMENTS', REFUSAL, NtStatus.INSUFFICIENT_RESOURCES],
    ['query-resource-requirements', 'QUERY_RESOURCE_REQUIREMENTS', SUCCESS, IrpStatus.UNSUCCESSFUL],
    ['query-resource-requirements', 'QUERY_RESOURCE_REQUIREMENTS', new Uint8Array(27), IrpStatus.UNSUCCESSFUL],
  ] as const) {
    const { node, logged } = new Bench({ answers: { [name]: answer } });
    const done = run(node.dispatch(irp, undefined));
    assert.deepEqual([done.status, done.information], [status, undefined], `${irp}: ${answer.byteLength} bytes`);
    assert.equal(logged.length, 1);
  }
});

test('a start: vectors are handled and the function is started; one that fails leaves it as it was', () => {
  const { node, handled } = new Bench().started();
  assert.equal(node.state, 'started');
  assert.deepEqual([...handled], []);
  for (const answer of [REFUSAL, SUCCESS, encodeAssigned(SLOT, NO_BARS, TOKENS.slice(1), 'v2')]) {
    const failing = new Bench({ answers: { RESOURCES_ASSIGNED3: answer } });
    assert.notEqual(run(failing.node.dispatch('start', RESOURCES)).status, 0);
    assert.equal(failing.node.state, 'not-started');
    failing.take();
    run(failing.node.dispatch('remove', undefined));
    assert.deepEqual(failing.take(), [], 'there is nothing to be released');
  }
});

test('resources are released once, by a stop or by a removal', () => {
  const bench = new Bench().started();
  run(bench.node.dispatch('stop', undefined));
  assert.deepEqual([bench.node.state, bench.take()], ['stopped', ['RESOURCES_RELEASED']]);
  run(bench.node.dispatch('remove', undefined));
  assert.deepEqual([bench.node.state, bench.take()], ['removed', []]);
  bench.started();
  run(bench.node.dispatch('query-remove', undefined));
  assert.equal(bench.node.state, 'remove-pending');
  run(bench.node.dispatch('cancel-remove', undefined));
  assert.equal(bench.node.state, 'started');
  run(bench.node.dispatch('remove', undefined));
  assert.deepEqual(bench.take(), ['RESOURCES_RELEASED']);
});

test('after a surprise removal nothing is told to the host', () => {
  const bench = new Bench().started();
  run(bench.node.dispatch('surprise-removal', undefined));
  assert.equal(bench.node.state, 'surprise-removed');
  assert.equal(run(bench.node.dispatch('set-power', 'D3')).status, 0);
  assert.equal(run(bench.node.dispatch('remove', undefined)).status, 0);
  assert.deepEqual(bench.take(), []);
});

test('a host may object to a stop; one that doesn’t know the question doesn’t', () => {
  for (const [answer, status, state] of [
    [SUCCESS, 0, 'stop-pending'],
    [encodeStatus(NtStatus.NOT_SUPPORTED), 0, 'stop-pending'],
    [REFUSAL, NtStatus.INSUFFICIENT_RESOURCES, 'started'],
  ] as const) {
    const { node } = new Bench({ answers: { QUERY_STOP: answer } }).started();
    assert.equal(run(node.dispatch('query-stop', undefined)).status, status);
    assert.equal(node.state, state);
  }
  const bench = new Bench().started();
  run(bench.node.dispatch('query-stop', undefined));
  run(bench.node.dispatch('cancel-stop', undefined));
  assert.deepEqual([bench.node.state, bench.take()], ['started', ['QUERY_STOP', 'QUERY_STOP_FAILED']]);
});

test('power: messages are off in D3; in D0 what is connected is programmed again', () => {
  const bench = new Bench().started();
  const bus = run(bench.node.dispatch('query-interface', undefined)).information ?? assert.fail();
  assert.equal(run(bus.connectMessage(1, nothing)), true);
  assert.equal(bench.msixEnabled, true);
  assert.deepEqual(bench.writes.splice(0), ['10: fee9bcd0', '14: 0', '18: 2', '1c: 0']);
  assert.equal(bench.handled.get(0x41), nothing);
  run(bench.node.dispatch('set-power', 'D3'));
  assert.equal(bench.msixEnabled, false);
  run(bench.node.dispatch('set-power', 'D0'));
  assert.equal(bench.msixEnabled, true);
  assert.deepEqual(bench.writes, ['10: fee9bcd0', '14: 0', '18: 2', '1c: 0']);
  assert.deepEqual(bench.take(), ['POWER_STATE_CHANGE', 'POWER_STATE_CHANGE']);
});

test('power that is refused is no power: nothing is programmed', () => {
  const bench = new Bench({ answers: { POWER_STATE_CHANGE: REFUSAL } }).started();
  assert.equal(run(bench.node.dispatch('set-power', 'D0')).status, NtStatus.INSUFFICIENT_RESOURCES);
  assert.equal(bench.msixEnabled, false);
  assert.match(bench.logged.join(), /01\.1: no power state D0: 0xc000009a/);
});

test('a function without messages is powered without switching any on', () => {
  const bench = new Bench({ answers: { RESOURCES_ASSIGNED3: encodeAssigned(SLOT, NO_BARS, [], 'v2') } });
  run(bench.node.dispatch('start', { ...RESOURCES, messages: [] }));
  run(bench.node.dispatch('set-power', 'D0'));
  assert.equal(bench.msixEnabled, false);
});

test('before 1.6 letting a message go costs no message to the host', () => {
  const bench = new Bench().started();
  const bus = run(bench.node.dispatch('query-interface', undefined)).information ?? assert.fail();
  assert.equal(bus.messageCount(), 2);
  run(bus.connectMessage(0, nothing));
  run(bus.disconnectMessage(0));
  assert.deepEqual([bench.take(), bench.handled.get(0x30)], [[], undefined]);
  assert.equal(run(bus.reset()), false);
});

test('from 1.6 on each message is asked for as it is connected, once, and deleted as it is let go, once', () => {
  const [token] = TOKENS;
  assert.ok(token);
  const bench = new Bench({
    version: WindowsVersion.DYNAMIC_INTERRUPTS,
    answers: {
      RESOURCES_ASSIGNED3: encodeAssigned(SLOT, NO_BARS, [], 'v2'),
      CREATE_INTERRUPT3: encodeInterruptReply(token),
    },
  }).started();
  const bus = run(bench.node.dispatch('query-interface', undefined)).information ?? assert.fail();
  assert.equal(run(bus.connectMessage(0, nothing)), true);
  run(bench.node.dispatch('set-power', 'D0'));
  assert.deepEqual(bench.take(), ['CREATE_INTERRUPT3', 'POWER_STATE_CHANGE']);
  run(bus.disconnectMessage(0));
  run(bus.disconnectMessage(0));
  assert.deepEqual(bench.take(), ['DELETE_INTERRUPT']);
  assert.equal(run(bus.connectMessage(5, nothing)), false, 'there is no vector for it');
  assert.deepEqual(bench.take(), []);
  assert.equal(run(bus.reset()), true);
  bench.answers = { RESET_DEVICE: REFUSAL };
  assert.equal(run(bus.reset()), false);
});

test('from 1.6 on a message that the host refuses leaves its entry alone', () => {
  for (const answer of [REFUSAL, SUCCESS]) {
    const bench = new Bench({
      version: WindowsVersion.DYNAMIC_INTERRUPTS,
      answers: { RESOURCES_ASSIGNED3: encodeAssigned(SLOT, NO_BARS, [], 'v2'), CREATE_INTERRUPT3: answer },
    }).started();
    const bus = run(bench.node.dispatch('query-interface', undefined)).information ?? assert.fail();
    assert.equal(run(bus.connectMessage(0, nothing)), false);
    assert.deepEqual(bench.writes, []);
    assert.match(bench.logged.join(), /no interrupt/);
  }
});

test('a channel that is gone: there is no such device', () => {
  const bench = new Bench();
  bench.link.rescinded();
  assert.equal(run(bench.node.dispatch('start', RESOURCES)).status, IrpStatus.NO_SUCH_DEVICE);
  assert.equal(run(bench.node.dispatch('query-stop', undefined)).status, IrpStatus.NO_SUCH_DEVICE);
  assert.deepEqual(bench.take(), []);
});

test('an ejection is confirmed to the host', () => {
  const bench = new Bench().started();
  run(bench.node.dispatch('eject', undefined));
  assert.deepEqual(bench.take(), ['EJECTION_COMPLETE']);
});
