// The manager as `dda serve` composes it, which does what its parent asks, and kills itself where that says so.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeSync } from 'node:fs';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { HostError, type Manager, openHost, type VmSpec } from '../../../src/host/index.ts';
import { SqliteJournal } from '../../../src/host/journal/sqlite-journal.ts';
import { settleMs } from '../../../src/host/manager/inventory-watch.ts';
import { keepRulesFile } from '../../../src/host/manager/keep-rules.ts';
import { kernelHost } from '../../../src/host/manager/kernel-host.ts';
import { startManager } from '../../../src/host/manager/start-manager.ts';
import { systemClock } from '../../../src/host/manager/system-clock.ts';
import { kernelNews } from '../../../src/host/serving/kernel-news.ts';
import { virtualFunctionsOf } from '../../../src/host/serving/virtual-functions.ts';
import { VmProcesses } from '../../../src/host/vm-processes/vm-processes.ts';
import { type Act, ActGate, type Point } from './act-gate.ts';
import { type Answer, DIED, type Operation, type Place, type Question, required, UNPLUGGING } from './words.ts';

const by = { userId: 0, processId: process.pid, command: 'dda-test' };
const spec = JSON.parse(required('DDA_VM_SPEC')) as VmSpec;
const REST_MS = 60_000;
const DEADLINE_MS = 5_000;

const gate = new ActGate();
const host = gate.host(openHost('dda serve'));
const complain = (error: unknown): void => void process.stderr.write(`${String(error)}\n`);
const vms = new VmProcesses({ warn: complain });
const manager: Manager = await startManager({
  host: kernelHost(host),
  vms: gate.vms(vms),
  journal: gate.journal(new SqliteJournal('/var/lib/dda/state.db')),
  clock: systemClock,
  virtualFunctions: gate.shapes(virtualFunctionsOf(host)),
  news: kernelNews(complain),
  keepRules: gate.rules(keepRulesFile('/run/dda-test.rules')),
  onProblem: complain,
  onFatal: (error) => {
    complain(error);
    process.exit(1);
  },
});

const RESTING: ReadonlySet<string> = new Set(['host', 'pool', 'lent', 'quarantine']);

function isAtRest(): boolean {
  const { functions, vms: machines } = manager.snapshot();
  return functions.every(({ owner }) => RESTING.has(owner.kind)) && machines.every(({ phase }) => phase === 'running');
}

async function atRest(): Promise<void> {
  for (const endMs = Date.now() + REST_MS; !isAtRest(); await sleep(10)) {
    if (Date.now() > endMs) throw new Error(`it came not to rest: ${JSON.stringify(manager.snapshot())}`);
  }
}

/**
 * Waits until the manager has looked at all that the kernel has told of so far: a turn of the event loop reads its
 * uevents, and timers that began with them end before one that begins now and is longer.
 */
async function newsHeard(): Promise<void> {
  await nextTurn();
  await nextTurn();
  await sleep(2 * settleMs);
}

function placeOf(name: string): string {
  const owner = manager.snapshot().functions.find((fn) => fn.name === name)?.owner;
  return owner?.kind === 'lent' ? `lent ${owner.vm}` : (owner?.kind ?? 'absent');
}

function processOf(vm: string): number | undefined {
  return manager.snapshot().vms.find(({ name }) => name === vm)?.processId;
}

async function bring(name: string, to: Place): Promise<void> {
  for (let steps = 0; placeOf(name) !== to; steps += 1) {
    const at = placeOf(name);
    if (steps > 4) throw new Error(`${name} can't be brought from ${at} to ${to}`);
    const vm = at.startsWith('lent ') ? at.slice('lent '.length) : undefined;
    if (vm !== undefined) await manager.remove({ vm, function: name, deadlineMs: DEADLINE_MS }, by);
    else if (at === 'quarantine') await manager.releaseQuarantine({ function: name }, by);
    else if (at === 'host') await manager.dismount({ functions: [name] }, by);
    else if (to === 'host') await manager.mount({ functions: [name] }, by);
    else await manager.add({ vm: to.slice('lent '.length), function: name }, by);
  }
}

async function see(vm: string, runs: boolean): Promise<void> {
  const known = processOf(vm) !== undefined;
  if (runs && !known) await manager.createVm({ name: vm, spec }, by);
  if (!runs && known) await manager.stopVm({ name: vm, force: true }, by);
}

async function home(): Promise<void> {
  for (const { name } of manager.snapshot().vms) await see(name, false);
  for (const { name, owner } of manager.snapshot().functions) if (owner.kind !== 'host') await bring(name, 'host');
}

/** Waits until the guest says that it has a disk by its own driver. A guest that only just boots loses what it is typed: so again. */
async function seen(vm: string): Promise<void> {
  let said = '';
  const stop = manager.watchConsole(vm, (bytes) => {
    said += new TextDecoder().decode(bytes);
  });
  try {
    for (const endMs = Date.now() + REST_MS; !said.includes('dda-test: disk'); await sleep(100)) {
      if (Date.now() > endMs) throw new Error(`the guest of ${vm} does not see its disk: ${said.slice(-2000)}`);
      const line = '\nls /dev/nvme*n1 >/dev/null 2>&1 && echo dda-test: disk\n';
      await manager.type({ vm, bytes: new TextEncoder().encode(line) }, by);
    }
  } finally {
    stop();
  }
}

async function shell(command: string): Promise<void> {
  const child = spawn('sh', ['-c', command], { detached: true, stdio: 'ignore' });
  await once(child, 'exit');
}

async function operate(operation: Operation): Promise<unknown> {
  switch (operation.do) {
    case 'dismount':
      return manager.dismount({ functions: [operation.function] }, by);
    case 'mount':
      return manager.mount({ functions: [operation.function] }, by);
    case 'create-vm':
      return manager.createVm({ name: operation.vm, spec }, by);
    case 'stop-vm':
      return manager.stopVm({ name: operation.vm }, by);
    case 'add':
      return manager.add(operation, by);
    case 'remove': {
      const processId = processOf(operation.vm);
      if (operation.stopped === true && processId !== undefined) process.kill(processId, 'SIGSTOP');
      return manager.remove(operation, by);
    }
    case 'unplug':
      await shell(
        `: >${UNPLUGGING}; echo 1 >/sys/bus/pci/devices/${operation.function}/remove; echo 1 >/sys/bus/pci/rescan; rm ${UNPLUGGING}`,
      );
      return newsHeard();
    case 'virtual-functions':
      return operation.count === 0
        ? manager.removeVirtualFunctions({ physicalFunction: operation.function }, by)
        : manager.createVirtualFunctions({ physicalFunction: operation.function, count: operation.count }, by);
  }
}

function die({ label, takesTime }: Act): void {
  writeSync(1, `${DIED}${JSON.stringify({ label, takesTime })}\n`);
  process.kill(process.pid, 'SIGKILL');
}

function killVm(vm: string): void {
  const processId = processOf(vm);
  if (processId === undefined) return;
  try {
    process.kill(processId, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

async function act(
  operation: Operation,
  point: Point | undefined,
  victim: string | undefined,
): Promise<Pick<Answer & { ok: true }, 'acts' | 'struck' | 'outcome'>> {
  let struck: Act | undefined;
  gate.arm(point, (reached) => {
    if (victim === undefined) die(reached);
    else killVm(victim);
    struck = reached;
  });
  const outcome = await operate(operation).then(
    () => 'done',
    (error: unknown) => (error instanceof HostError ? error.code : String(error)),
  );
  await atRest();
  return { acts: gate.disarm(), struck, outcome };
}

async function answer(question: Question): Promise<Answer> {
  let acted: Pick<Answer & { ok: true }, 'acts' | 'struck' | 'outcome'> = { acts: [], struck: undefined, outcome: '' };
  switch (question.ask) {
    case 'rest':
      await newsHeard();
      break;
    case 'bring':
      await bring(question.function, question.to);
      break;
    case 'vm':
      await see(question.vm, question.runs);
      break;
    case 'type':
      await manager.type({ vm: question.vm, bytes: new TextEncoder().encode(`${question.text}\n`) }, by);
      break;
    case 'seen':
      await seen(question.vm);
      break;
    case 'home':
      await home();
      break;
    case 'act':
      acted = await act(question.operation, question.point, question.vm);
      break;
    case 'close':
      await manager.close();
      await vms.close();
      setImmediate(() => process.exit(0));
      break;
  }
  if (question.ask !== 'close') await atRest();
  return { ok: true, snapshot: manager.snapshot(), ...acted };
}

process.on('message', (question: Question) => {
  answer(question).then(
    (each) => process.send?.(each),
    (error: unknown) =>
      process.send?.({ ok: false, text: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  );
});
