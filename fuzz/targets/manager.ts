import { HostError, type Manager, type VmSpec } from '../../src/host/index.ts';
import type { VmProcessEvent } from '../../src/host/manager/ports.ts';
import { startManager } from '../../src/host/manager/start-manager.ts';
import { FakeClock } from '../../src/host/testing/fake-clock.ts';
import { HostileHost, MANNERS } from '../doubles/hostile-host.ts';
import { type HostileVm, HostileVms } from '../doubles/hostile-vms.ts';
import { MemoryJournal } from '../doubles/memory-journal.ts';
import type { Choices } from '../engine/choices.ts';
import type { Probe } from '../engine/probe.ts';
import type { Run, Target } from '../engine/target.ts';
import { hearLate } from './late-facts.ts';

const BY = { userId: 0, processId: 1, command: 'fuzz' };
const SPEC: VmSpec = { memoryBytes: 1 << 28, cpuCount: 1, kernel: '/boot/vmlinuz', commandLine: 'quiet' };
const VMS = ['web', 'db'] as const;
const DEADLINES = [0, 500, 60_000, -1] as const;
const TEXTS = ['', 'Linux 6.1', 'x'.repeat(9000), '\u001b[2J'] as const;
const NOWHERE = '0000:99:00.0';
/** Its virtual function is lent, so it stays where it is. */
const PHYSICAL = '0000:03:00.0';
/** Where a function may be when nothing is being done with it. */
const AT_REST: ReadonlySet<string> = new Set(['host', 'pool', 'lent', 'quarantine']);
/** Where nobody has it who could have done anything to it. */
const FREE: ReadonlySet<string> = new Set(['host', 'pool', 'mounting', 'dismounting']);
/** Of 256 operations, so many are followed by another before anything comes of them. */
const HASTE = 40;
const MOST_EVENTS = 64;
const MOST_TURNS = 400;
const TEXT_KEPT = 2000;

/** The manager, with VM processes that say anything at any time, and a kernel that is slow. Rule 1, against what is really the case. */
export const manager: Target = {
  name: 'manager',
  title: 'the manager: requests, what VM processes answer and say by themselves, and what the kernel does meanwhile',
  setupBytes: 4,
  operationBytes: 12,
  mostOperations: 80,
  workLimit: 200,
  mostBetweenLooks: 8000,
  begin: async (setup, probe) => {
    const run = new ManagerRun(probe);
    await run.start();
    if (!setup.chance(32)) await run.lendSome(3 - setup.below(3), !setup.chance(96));
    return run;
  },
};

/** A request to the manager, which must come to an end. */
interface Asked {
  readonly what: string;
  isOver: boolean;
}

class ManagerRun implements Run {
  readonly #probe: Probe;
  readonly #clock = new FakeClock();
  readonly #journal = new MemoryJournal();
  readonly #host: HostileHost;
  readonly #vms: HostileVms;
  readonly #asked: Asked[] = [];
  #manager: Manager | undefined;
  #events = 0;
  /** Something was done that has had no time to come to anything. */
  #isHasty = false;

  constructor(probe: Probe) {
    this.#probe = probe;
    this.#host = new HostileHost(
      probe,
      () => this.#vms.processes.values(),
      (group) => this.#isInDoubt(group),
    );
    this.#vms = new HostileVms(probe, [...this.#host.functions.map(({ name }) => name), NOWHERE], this.#host);
  }

  async start(): Promise<void> {
    this.#host.manager += 1;
    const found = await startManager({
      host: this.#host,
      vms: this.#vms,
      journal: this.#journal,
      clock: this.#clock,
      virtualFunctions: this.#host,
      news: this.#host,
      onFatal: (error) => this.#broke(error),
      onProblem: (error) => this.#broke(error),
    });
    this.#manager = found;
    let { revision } = found.snapshot();
    found.on((event) => {
      this.#events += 1;
      revision += 1;
      this.#probe.check(event.revision === revision, 'a change of the manager has another number');
    });
    await settled();
  }

  /** What most of what can go wrong begins with: VMs that run, functions of the pool's, and some that are lent. */
  async lendSome(count: number, both: boolean): Promise<void> {
    for (const name of both ? VMS : [VMS[0]]) this.#ask('create-vm', (to) => to.createVm({ name, spec: SPEC }, BY));
    const names = this.#host.functions.map(({ name }) => name).filter((name) => name !== PHYSICAL);
    this.#ask('dismount', (to) => to.dismount({ functions: names }, BY));
    await this.#goWell();
    for (const name of names.slice(0, count - 1)) this.#ask('add', (to) => to.add({ vm: VMS[0], function: name }, BY));
    await this.#goWell();
  }

  async #goWell(): Promise<void> {
    await settled();
    for (const { settle } of this.#vms.starts.splice(0)) settle(true);
    for (const act of this.#host.acts.splice(0)) act.settle(0);
    for (const question of this.#vms.questions.splice(0)) question.answer(0);
    await settled();
  }

  async operate(choices: Choices): Promise<void> {
    if (!this.#isHasty) this.#events = 0;
    switch (choices.below(12)) {
      case 0:
      case 1:
      case 2:
        this.#request(choices);
        break;
      case 3:
      case 4:
        await this.#answer(choices);
        break;
      case 5:
        await this.#say(choices);
        break;
      case 6:
      case 7:
        this.#kernel(choices);
        break;
      case 8:
        this.#process(choices);
        break;
      case 9:
        this.#clock.passToNext();
        break;
      default:
        await this.#rarely(choices);
    }
    // The next thing comes in the same moment.
    this.#isHasty = choices.chance(HASTE);
    if (this.#isHasty) return;
    await settled();
    this.#check();
  }

  /** The kernel and time come to an end; VM processes go on saying nothing. All is at rest then, and every request is answered. */
  async finish(): Promise<void> {
    await this.#come(() => undefined);
    this.#check();
    for (const { name, owner } of this.#manager?.snapshot().functions ?? []) {
      this.#probe.check(AT_REST.has(owner.kind), () => `in the end ${name} is still ${owner.kind}`);
    }
    // Where not even the kernel could end a process.
    await this.#come((process) => process.end());
    for (const { what, isOver } of this.#asked) this.#probe.check(isOver, () => `${what} never came to an end`);
    await this.#manager?.close();
  }

  async #come(killed: (process: HostileVm) => void): Promise<void> {
    for (let turn = 0; turn < MOST_TURNS; turn += 1) {
      this.#probe.work = 0;
      await settled();
      for (const act of this.#host.acts.splice(0)) act.settle(0);
      for (const { settle } of this.#vms.starts.splice(0)) settle(true);
      for (const process of [...this.#vms.processes.values()]) if (process.isKilled) killed(process);
      await settled();
      if (this.#host.acts.length + this.#vms.starts.length === 0 && !this.#clock.passToNext()) return;
    }
    this.#probe.fail(`after ${MOST_TURNS} turns the manager is still at it`);
  }

  #request(choices: Choices): void {
    const vm = choices.pick(VMS);
    const name = this.#vms.names[choices.below(choices.chance(128) ? 3 : this.#vms.names.length)] ?? NOWHERE;
    const deadlineMs = choices.pick(DEADLINES);
    switch (choices.below(10)) {
      case 0:
        return this.#ask('create-vm', (to) => to.createVm({ name: vm, spec: SPEC }, BY));
      case 1:
      case 2:
        return this.#ask('dismount', (to) => to.dismount({ functions: [name], force: choices.chance(64) }, BY));
      case 3:
      case 4:
        return this.#ask('add', (to) => to.add({ vm, function: name }, BY));
      case 5: {
        const to = choices.chance(64) ? 'host' : 'pool';
        this.#ask('remove', (each) => each.remove({ vm, function: name, deadlineMs, to }, BY));
        // The guest had just let go of it by itself.
        const process = choices.chance(64) ? this.#vms.processes.get(vm) : undefined;
        return process?.say({ kind: 'ejected', function: name, outcome: '' });
      }
      case 6:
        return this.#ask('mount', (to) => to.mount({ functions: [name] }, BY));
      case 7:
        return this.#ask('release', (to) => to.releaseQuarantine({ function: name, force: choices.chance(64) }, BY));
      case 8:
        return this.#ask('stop-vm', (to) => to.stopVm({ name: vm, force: choices.chance(96) }, BY));
      default: {
        const count = choices.below(3);
        if (choices.chance(64)) return this.#ask('add', (to) => to.add({ vm, function: { pool: 'default' } }, BY));
        return this.#ask('shape', (to) => to.createVirtualFunctions({ physicalFunction: name, count }, BY));
      }
    }
  }

  #ask(what: string, act: (to: Manager) => Promise<unknown>): void {
    if (this.#manager === undefined) return;
    const asked: Asked = { what, isOver: false };
    this.#asked.push(asked);
    act(this.#manager).then(
      () => {
        asked.isOver = true;
      },
      (error: unknown) => {
        asked.isOver = true;
        // Of an act that a VM process answered with anything: that is told on as it came.
        if (!(error instanceof Error && 'code' in error)) this.#broke(error);
        else this.#probe.note(1, error instanceof HostError ? error.code.length : 0);
      },
    );
  }

  /** A VM process answers what it was asked, early, late or never, with the truth or not. */
  async #answer(choices: Choices): Promise<void> {
    const [start] = this.#vms.starts;
    if (start !== undefined && choices.chance(160)) {
      this.#vms.starts.shift();
      return start.settle(!choices.chance(24));
    }
    const { questions } = this.#vms;
    const at = choices.chance(128) ? questions.length - 1 : choices.below(questions.length);
    const question = questions[at];
    if (question === undefined) return;
    const manner = choices.chance(128) ? 0 : choices.below(5);
    const isHonest = choices.chance(128);
    this.#probe.note(2, question.what.length * 8 + manner);
    await this.#onlyOwnChange(question.of, () => {
      if (question.what === 'eject' && choices.chance(96)) return question.heard();
      questions.splice(at, 1);
      if (isHonest && question.what !== 'lend') question.of.holds.clear();
      question.answer(manner);
    });
  }

  async #say(choices: Choices): Promise<void> {
    const process = this.#someProcess(choices);
    if (process === undefined) return;
    const event = this.#event(choices);
    this.#probe.note(3, event.kind.length);
    await this.#onlyOwnChange(process, () => process.say(event));
  }

  #event(choices: Choices): VmProcessEvent {
    const name = choices.pick(this.#vms.names) ?? NOWHERE;
    const text = choices.pick(TEXTS);
    switch (choices.below(9)) {
      case 0:
      case 1:
        return { kind: 'ejected', function: name, outcome: text };
      case 2:
        return { kind: 'release-requested', function: name };
      case 3:
        return { kind: 'function-failed', function: name, reason: text };
      case 4:
        return { kind: 'crashed', report: { message: text } };
      case 5:
        return { kind: 'guest-ended', how: text, detail: text };
      case 6:
        return { kind: 'guest-os', name: text };
      case 7:
        return choices.chance(128)
          ? { kind: 'log', text }
          : { kind: 'trace', records: new Uint8Array(choices.below(64)), lost: choices.word() };
      default:
        return { kind: 'console', bytes: new Uint8Array(choices.below(64)) };
    }
  }

  /** What a VM process says changes nothing but what it has. */
  async #onlyOwnChange(process: HostileVm, act: () => void): Promise<void> {
    if (this.#isHasty) return act();
    const before = this.#owners();
    act();
    await settled();
    for (const [name, owner] of this.#owners()) {
      const was = before.get(name);
      if (was?.text === owner.text || was?.vm === process.name) continue;
      this.#probe.fail(`${process.name} changed ${name} by its word: ${was?.text} is now ${owner.text}`);
    }
  }

  #owners(): Map<string, { readonly vm: string | undefined; readonly text: string }> {
    const { functions } = this.#manager?.snapshot() ?? { functions: [] };
    return new Map(functions.map(({ name, vm, owner }) => [name, { vm, text: JSON.stringify(owner) }]));
  }

  #kernel(choices: Choices): void {
    const { acts } = this.#host;
    const [act] = acts.splice(choices.below(acts.length), 1);
    act?.settle(choices.chance(96) ? choices.below(MANNERS) : 0);
  }

  /** What it does with what it has open. */
  #process(choices: Choices): void {
    const process = this.#someProcess(choices);
    if (process === undefined) return;
    switch (choices.below(5)) {
      case 0:
        process.holds.clear();
        return;
      case 1:
        process.hasStopped = !process.hasStopped;
        return;
      case 2:
        if (choices.chance(96)) this.#host.passOn(process);
        if (choices.chance(64)) process.end();
        return;
      default:
        if (process.isKilled) process.end();
    }
  }

  async #rarely(choices: Choices): Promise<void> {
    const real = this.#host.functions[choices.below(this.#host.functions.length)];
    if (real === undefined) return;
    switch (choices.below(10)) {
      case 0:
        return choices.chance(96) ? this.#restart(choices) : undefined;
      case 1:
        return this.#host.tell({ kind: 'host-waits', function: real.name });
      case 2:
        return this.#host.tell({ kind: 'lost' });
      case 3:
      case 4:
        if (real.isPresent) return this.#host.unplug(real, !choices.chance(64));
        return this.#host.plug(real, choices.chance(64) ? '8086:1539' : real.ids, !choices.chance(64));
      case 5:
        return this.#host.bindByHand(real, choices.chance(64) ? 'none' : 'home');
      case 6:
        return this.#host.strangers.clear();
      case 7:
        return this.#again(choices);
      case 8:
        return hearLate(this.#probe, this.#journal.load(), this.#clock.nowMs(), choices);
      default:
        // News that has been overtaken, or comes twice.
        return this.#host.tell({
          kind: choices.chance(128) ? 'function-changed' : 'function-left',
          function: choices.pick(this.#vms.names) ?? NOWHERE,
        });
    }
  }

  /** A function comes back and is lent to the same VM again, while its process still owes answers from before. */
  async #again(choices: Choices): Promise<void> {
    const process = this.#someProcess(choices);
    const name = choices.pick([...(process?.holds ?? [])]);
    if (process === undefined || name === undefined) return;
    process.holds.clear();
    process.say({ kind: 'ejected', function: name, outcome: '' });
    await settled();
    for (const act of this.#host.acts.splice(0)) act.settle(0);
    await settled();
    this.#ask('add', (to) => to.add({ vm: process.name, function: name }, BY));
  }

  /** The manager is told to end, which waits for what the host is at, or it dies. Then there is another. */
  async #restart(choices: Choices): Promise<void> {
    const closed = this.#manager?.close();
    await settled();
    if (choices.chance(128)) {
      while (this.#host.acts.length > 0) {
        this.#kernel(choices);
        await settled();
      }
      await closed;
    } else {
      this.#host.managerDied(() => choices.chance(128));
    }
    this.#vms.unfound.clear();
    if (choices.chance(48)) this.#vms.unfound.add(choices.pick(VMS));
    await settled();
    return this.start();
  }

  #someProcess(choices: Choices): HostileVm | undefined {
    const all = [...this.#vms.processes.values()];
    return all[choices.below(all.length)];
  }

  #check(): void {
    const found = this.#manager?.snapshot();
    if (found === undefined) return;
    this.#probe.check(this.#events <= MOST_EVENTS, () => `${this.#events} changes at once`);
    const owners = new Map(found.functions.map((fn) => [fn.name, fn]));
    for (const process of this.#vms.processes.values()) {
      for (const name of process.holds) {
        const { owner, vm } = owners.get(name) ?? {};
        const isKnown = vm === process.name || owner?.kind === 'verifying' || owner?.kind === 'quarantine';
        this.#probe.check(isKnown, () => `${process.name} has ${name} open, which is said to be ${owner?.kind}`);
      }
    }
    for (const { name, isDirty } of this.#host.functions) {
      const kind = owners.get(name)?.owner.kind ?? 'host';
      this.#probe.check(!isDirty || !FREE.has(kind), () => `${name} goes on to ${kind} as a VM left it`);
    }
    for (const { name, guestOs, phase } of found.vms) {
      this.#probe.check((guestOs?.length ?? 0) <= TEXT_KEPT, () => `${guestOs?.length} characters are kept of ${name}`);
      this.#probe.note(4, phase.length);
    }
    for (const { owner, present } of found.functions) {
      const phase = owner.kind === 'returning' ? owner.phase.length : 0;
      this.#probe.note(5, owner.kind.length * 64 + phase * 2 + (present ? 1 : 0));
    }
  }

  /** The manager keeps something of the group apart because nobody knows who has it. */
  #isInDoubt(group: string): boolean {
    const names = this.#host.functions.filter((each) => each.group === group).map(({ name }) => name);
    const { functions } = this.#manager?.snapshot() ?? { functions: [] };
    return functions.some(
      ({ name, owner }) =>
        names.includes(name) && owner.kind === 'quarantine' && (owner.reason === 'held' || owner.reason === 'stuck'),
    );
  }

  #broke(error: unknown): void {
    const failure = error instanceof Error ? error : new Error(String(error));
    this.#probe.broke(failure);
  }
}

/** All that waits for nothing but promises has happened. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
