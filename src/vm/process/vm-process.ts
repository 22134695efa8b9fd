/**
 * The program of a VM process: one virtual machine, without privileges, from the descriptors that it inherits and those that
 * its manager passes to it later (docs/vm-process.md).
 */
import { closeSync, readFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { closeFile, duplicateFd, FdListener, setCloseOnExec } from '../../linux/index.ts';
import { BootError, BootErrorCode, openImageFile, parseKernel } from '../boot/index.ts';
import { VirtualMachine } from '../machine.ts';
import type { MachineOptions } from '../machine-options.ts';
import { ConsoleRing } from './console-ring.ts';
import { Descriptor } from './descriptors.ts';
import { lendInheritedDisks } from './inherited-disks.ts';
import { Gate } from './gate.ts';
import { sayLastWords } from './last-words.ts';
import { enterPhase } from './lockup/enter-phase.ts';
import { LogLimit } from './log-limit.ts';
import { ManagerLink } from './manager-link.ts';
import { LendingMachine } from './serve-vm.ts';
import { decodeSpec, type VmProcessSpec } from './spec.ts';
import { VmService } from './vm-service.ts';

/** How long the last words may take to reach the manager. */
const FAREWELL_MS = 2_000;
const FAREWELL_STEP_MS = 5;
const FAILED = 1;
/** As shells say it. */
const TERMINATED = 128 + 15;

function readOnce(fd: number): Uint8Array {
  const bytes = readFileSync(fd);
  closeSync(fd);
  return bytes;
}

function start(spec: VmProcessSpec, gate: Gate): VirtualMachine {
  const kernel = parseKernel(openImageFile(Descriptor.kernel));
  const initrd = readOnce(Descriptor.initrd);
  const options: MachineOptions = {
    kernel,
    commandLine: spec.commandLine,
    memoryBytes: spec.memoryBytes,
    vcpus: spec.vcpus,
    // The first function that is lent pins all of it.
    populateMemory: spec.dma !== 'none',
    ...(spec.hasInitrd ? { initrd } : {}),
    beforeGuest: () => lockUp(gate),
  };
  return startWith(options, spec.highWindowBytes);
}

/** All is loaded, all threads are there: from here on no file is needed any more. */
async function lockUp(gate: Gate): Promise<void> {
  // Node makes the threads of its pool when it is first asked for something.
  await stat('/');
  await gate.pass();
  enterPhase('guest');
}

/** The best window for BARs that the guest's addresses have room for. */
function startWith(options: MachineOptions, [best, ...others]: readonly number[]): VirtualMachine {
  const kvmFd = duplicateFd(Descriptor.kvm);
  try {
    return new VirtualMachine({ ...options, kvmFd, ...(best === undefined ? {} : { highWindowBytes: best }) });
  } catch (error) {
    if (best !== undefined && error instanceof BootError && error.code === BootErrorCode.windowsDontFit) {
      return startWith(options, others);
    }
    throw error;
  }
}

async function run(): Promise<void> {
  enterPhase('start');
  for (const fd of [Descriptor.kvm, Descriptor.kernel, Descriptor.dma]) setCloseOnExec(fd, true);
  const spec = decodeSpec(readOnce(Descriptor.spec));
  const gate = new Gate(Descriptor.gate);
  await gate.limited();
  const machine = start(spec, gate);
  for (const fd of [Descriptor.kvm, Descriptor.kernel]) closeFile(fd);
  await Promise.race([machine.entered, machine.ended]);
  lendInheritedDisks(machine, spec);
  const ring = new ConsoleRing();
  const service = new VmService(new LendingMachine(machine, ring, spec.dma), (event) => link.tell(event));
  const link = new ManagerLink(FdListener.fromFd(Descriptor.listener), {
    name: spec.name,
    dma: spec.dma,
    managerUserId: spec.managerUserId,
    ring,
    openTrace: (grown) => machine.openTrace(grown),
    answer: (request, fds) => service.answer(request, fds),
    recall: () => service.recall(),
  });
  machine.on('console', (bytes) => {
    ring.push(bytes);
    link.consoleGrew();
  });
  machine.on('crashed', (report) => service.crashed(report));
  machine.on('guestOs', (guestOs) => service.guestOs(guestOs?.name));
  machine.on('releaseRequested', (assignment) => service.releaseRequested(assignment.function.name));
  machine.on('functionFailed', (assignment, reason) => service.functionFailed(assignment.function.name, reason));
  const limit = new LogLimit(performance.now());
  machine.on('log', ({ severity, code, text }) => {
    const dropped = limit.pass(performance.now());
    if (dropped !== undefined) {
      link.tell({ event: 'log', severity, code: code.slice(0, 64), text: text.slice(0, 1000), dropped });
    }
  });
  try {
    service.ended(await machine.ended);
  } catch (error) {
    process.exitCode = FAILED;
    sayLastWords(error);
    service.ended({ kind: 'failed', detail: error instanceof Error ? error.message : String(error) });
  }
  for (const since = performance.now(); !link.idle && performance.now() - since < FAREWELL_MS; ) {
    await new Promise((resolve) => setTimeout(resolve, FAREWELL_STEP_MS));
  }
  link.close();
}

function fail(error: unknown): never {
  sayLastWords(error);
  process.exit(FAILED);
}

process.on('uncaughtException', fail);
// As number 1 of its PID namespace it would not hear of it otherwise, and the host's shutdown would wait for it.
process.on('SIGTERM', () => process.exit(TERMINATED));
await run().catch(fail);
process.exit();
