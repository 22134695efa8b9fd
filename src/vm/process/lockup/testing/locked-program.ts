/** A process that does what a VM process does, without KVM, under its filters. */
import { writeSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Script } from 'node:vm';
import { allocateRtcState, allocateUartState } from '../../../devices/index.ts';
import { Doorbell } from '../../../vcpu/doorbell.ts';
import { startThreads } from '../../../vcpu/start-threads.ts';
import { SCRIPTED_VCPU, ScriptWord, scriptedVcpu } from '../../../vcpu/testing/script.ts';
import { enterPhase } from '../enter-phase.ts';

const OUTPUT = 1;
const say = (text: string): void => void writeSync(OUTPUT, `${text}\n`);

/** Makes garbage, compiles functions anew, throws, and asks Node's pool for something. */
async function work(): Promise<void> {
  const kept: unknown[] = [];
  for (let round = 0; round < 60; round++) {
    kept.push(Array.from({ length: 20_000 }, (_, index) => ({ index, text: `x${index}` })));
    if (kept.length > 20) kept.length = 0;
    const bytes = new Uint8Array(4_000_000).fill(round);
    kept.push(bytes.subarray(0, 10));
    const source = `(n) => { let s = ${round}; for (let i = 0; i < n; i++) s = (s * 31 + i) | 0; return s; }`;
    const compute = new Script(source).runInThisContext() as (n: number) => number;
    for (let again = 0; again < 20; again++) compute(20_000);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  try {
    JSON.parse('{');
  } catch (error) {
    say(error instanceof Error ? error.name : 'nothing');
  }
  const refused = await stat('/').then(
    () => 'seen',
    (error: NodeJS.ErrnoException) => error.code,
  );
  say(`stat on the pool: ${refused}`);
}

process.on('SIGTERM', () => process.exit(143));
enterPhase('start');
const count = 3;
const { doorbell, handle } = Doorbell.create();
const held = new DisposableStack();
held.defer(() => doorbell.close());
const vcpus = Array.from({ length: count }, (_, id) =>
  scriptedVcpu(id, { last: process.argv[2] === 'spin' ? -1 : 3000 }),
);
const machine = startThreads({
  vcpus: vcpus.map(({ vcpu }) => vcpu),
  vmFd: -1,
  doorbell,
  handle,
  uart: allocateUartState(),
  rtc: allocateRtcState(),
  program: SCRIPTED_VCPU,
  beforeGuest: () => {
    enterPhase('guest');
    return Promise.resolve();
  },
  exits: {
    serve: (index) => void Atomics.add(vcpus[index]?.words ?? new Int32Array(8), ScriptWord.Served, 1),
    serial: () => undefined,
    ended: (index, errno) => say(`vCPU ${index} ended with ${errno}`),
  },
  held,
});
await machine.entered;
say('entered');
await work();
if (process.argv[2] !== 'spin') await machine.loop.done;
await Promise.all(machine.threads.map((thread) => thread.stop()));
// A thread may be gone before the loop has looked how it ended.
await machine.loop.done;
held.dispose();
say('done');
if (process.argv[2] === 'throw') throw new Error('nobody planned for that');
process.exit(7);
