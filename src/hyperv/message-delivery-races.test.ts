import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Synic } from './synic.ts';
import { PlainGuestMemory } from './testing/plain-guest-memory.ts';
import { type Chooser, everySchedule } from './testing/schedules.ts';

const SIMP_GPN = 3;
const SINT = 2;
const SLOT = SINT * 64;
const PENDING = 1 << 8;
const { load, or, store, compareExchange } = Atomics;
const plainAtomics = { load, or, store };

/**
 * The guest's end as Linux has it (drivers/hv/vmbus_drv.c): woken by an interrupt only, one message at a time, in steps
 * between which the host may do anything.
 */
class LinuxVp {
  readonly received: number[] = [];
  /** EOM writes that haven't left the guest's CPU yet: an exit is served when the host is free. */
  eoms = 0;
  interruptPending = false;
  readonly #words: Int32Array;
  #step: 'asleep' | 'look' | 'free' | 'flag' = 'asleep';

  constructor(words: Int32Array) {
    this.#words = words;
  }

  get idle(): boolean {
    return this.#step === 'asleep' && !this.interruptPending;
  }

  step(): void {
    switch (this.#step) {
      case 'asleep':
        if (this.interruptPending) {
          this.interruptPending = false;
          this.#step = 'look';
        }
        return;
      case 'look':
        if (load(this.#words, SLOT) === 0) {
          this.#step = 'asleep';
        } else {
          this.received.push(this.#message());
          this.#step = 'free';
        }
        return;
      case 'free':
        compareExchange(this.#words, SLOT, 1, 0);
        this.#step = 'flag';
        return;
      case 'flag':
        if ((load(this.#words, SLOT + 1) & PENDING) !== 0) this.eoms += 1;
        this.#step = 'asleep';
    }
  }

  /** Message n has n bytes, each of them n. Anything else has been read half written. */
  #message(): number {
    const sizeBytes = load(this.#words, SLOT + 1) & 0xff;
    const payload = new Uint8Array(this.#words.buffer, this.#words.byteOffset + (SLOT + 4) * 4, sizeBytes);
    return payload.every((byte) => byte === sizeBytes) ? sizeBytes : -1;
  }
}

/** Calls `before` ahead of each of the host's accesses. (A mock of node:test would note every call, with its stack.) */
function interpose(before: () => void): void {
  Object.assign(Atomics, {
    load(words: Int32Array, index: number) {
      before();
      return load(words, index);
    },
    or(words: Int32Array, index: number, value: number) {
      before();
      return or(words, index, value);
    },
    store(words: Int32Array, index: number, value: number) {
      before();
      return store(words, index, value);
    },
  });
}

/** Posts `count` messages while the guest takes its steps between any two accesses of the host to the shared page. */
function deliver(count: number, { choose }: Chooser): number[] {
  const memory = new PlainGuestMemory([{ gpn: SIMP_GPN, pageCount: 1 }]);
  const page = memory.page(SIMP_GPN);
  assert.ok(page);
  const guest = new LinuxVp(page.words);
  const synic = new Synic(memory, () => {
    guest.interruptPending = true;
  });
  let channelInterrupts = 1;
  const letGuestRun = (): void => {
    // A channel's event flag shares the vector: the guest looks at its slot then, too.
    if (guest.idle && channelInterrupts > 0 && choose(2) === 1) {
      channelInterrupts -= 1;
      guest.interruptPending = true;
    }
    while (!guest.idle && choose(2) === 1) guest.step();
  };
  interpose(letGuestRun);
  try {
    synic.writeSimp(BigInt((SIMP_GPN << 12) | 1));
    synic.writeSint(SINT, 0xf3n);
    synic.writeScontrol(1n);
    const serveExits = (): void => {
      while (guest.eoms > 0) {
        guest.eoms -= 1;
        synic.endOfMessage();
      }
    };
    for (let number = 1; number <= count; number++) {
      letGuestRun();
      serveExits();
      synic.postMessage(SINT, 1, new Uint8Array(number).fill(number));
    }
    while (!guest.idle || guest.eoms > 0) {
      guest.step();
      serveExits();
    }
    assert.equal(synic.pendingMessages, 0, 'a message is stuck: the guest sleeps and owes no EOM');
    return guest.received;
  } finally {
    Object.assign(Atomics, plainAtomics);
  }
}

test('two messages arrive once each, in order, however host and guest interleave', (t) => {
  const runs = everySchedule((chooser) => assert.deepEqual(deliver(2, chooser), [1, 2]));
  t.diagnostic(`${runs} interleavings`);
  assert.ok(runs > 1000, `${runs} interleavings`);
});

test('so do six, in interleavings taken by chance', () => {
  fc.assert(
    fc.property(fc.infiniteStream(fc.nat(1)), (answers) => {
      const choose = (): number => answers.next().value ?? 0;
      assert.deepEqual(deliver(6, { choose }), [1, 2, 3, 4, 5, 6]);
    }),
    { numRuns: 300 },
  );
});
