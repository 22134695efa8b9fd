import type { ChildProcess } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { FdListener, ProcessHandle, SystemCallError } from '../../linux/index.ts';
import { lastWordsIn, type VmProcessSpec } from '../../vm/process/index.ts';
import { checkVmName } from '../control/vm-names.ts';
import { HostError } from '../errors.ts';
import type { VmPort, VmProcess, VmProcessEnd, VmSpec } from '../manager/ports.ts';
import { processStartTicks } from '../moves/process-mark.ts';
import type { ProcessMark } from '../moves/record.ts';
import { DirectoryTree } from '../tree/directory-tree.ts';
import { EarlyLog } from './early-log.ts';
import { launchVmProcess } from './launch.ts';
import { checkProgramFiles } from './program-files.ts';
import { RemoteVm } from './remote-vm.ts';
import { holderOfSocket, isListenedOn } from './socket-holder.ts';
import { freeVmUser, vmUsersOfProcesses } from './vm-users.ts';

/** Apart from the control sockets of `dda vm run`, which speak another protocol. */
export const VM_PROCESS_DIRECTORY = '/run/dda/vm-processes';
/** How long a process may take until its guest runs: reading the program, the kernel, and creating the VM. */
const START_MS = 60_000;

export interface VmProcessesOptions {
  /** Where the sockets are; of root alone. */
  readonly directory?: string;
  /** How VMs reach the IOMMU; `auto`: the container where there is one. */
  readonly dma?: VmProcessSpec['dma'] | 'auto';
}

/** The VM processes of this machine: started, found again, and told apart from all others. */
export class VmProcesses implements VmPort {
  readonly #directory: string;
  readonly #dma: VmProcessSpec['dma'] | 'auto';
  readonly #tree = new DirectoryTree();
  readonly #known = new Set<RemoteVm>();
  /** Users of processes that are just being started. */
  readonly #reserved = new Set<number>();

  constructor(options: VmProcessesOptions = {}) {
    this.#directory = options.directory ?? VM_PROCESS_DIRECTORY;
    this.#dma = options.dma ?? 'auto';
  }

  async start(name: string, spec: VmSpec, started: (mark: ProcessMark) => void): Promise<VmProcess> {
    const asked = `start the VM ${checkVmName(name)}`;
    checkProgramFiles(asked);
    const path = this.#path(name);
    const listener = this.#listen(path, name);
    const log = new EarlyLog(name);
    const userId = freeVmUser(new Set([...vmUsersOfProcesses(), ...this.#reserved]));
    this.#reserved.add(userId);
    let vm: RemoteVm | undefined;
    try {
      const child = launchVmProcess({ name, spec, userId, listenerFd: listener.fd, logFd: log.fd, dma: this.#dma });
      const { mark, handle } = await this.#mark(child, asked);
      vm = this.#remote({ name, path, mark, handle, ended: endOfChild(child) });
      // Whatever goes wrong from here on, there is something to kill.
      started(mark);
      await untilStarted(vm, asked, log);
      return vm;
    } catch (error) {
      vm?.kill();
      await vm?.ended;
      rmSync(path, { force: true });
      throw error;
    } finally {
      this.#reserved.delete(userId);
      listener.close();
      log.close();
    }
  }

  async find(name: string, mark: ProcessMark | undefined): Promise<VmProcess | undefined> {
    const path = this.#path(checkVmName(name));
    const processId = mark?.processId ?? holderOfSocket(path);
    const handle = processId === undefined ? undefined : ProcessHandle.open(processId);
    // In this order: the handle is of whatever has the id now, and that is looked at.
    const startTicks = processId === undefined ? undefined : processStartTicks(this.#tree, processId);
    if (handle === undefined || processId === undefined || startTicks === undefined) {
      handle?.close();
      return this.#gone(path);
    }
    if (mark !== undefined && startTicks !== mark.startTicks) {
      handle.close();
      return this.#gone(path);
    }
    const ended = new Promise<VmProcessEnd>((resolve) => {
      handle.onEnd(() => resolve({ exitCode: undefined, signal: undefined }));
    });
    return this.#remote({ name, path, mark: { processId, startTicks }, handle, ended });
  }

  /** Lets go of all processes and leaves them running. */
  close(): void {
    for (const vm of this.#known) vm.close();
    this.#known.clear();
  }

  #path(name: string): string {
    return join(this.#directory, `${name}.sock`);
  }

  /** Removes the socket that such a process left, if it did. */
  #gone(path: string): undefined {
    removeIfStale(path);
    return undefined;
  }

  #remote(parts: {
    readonly name: string;
    readonly path: string;
    readonly mark: ProcessMark;
    readonly handle: ProcessHandle;
    readonly ended: Promise<VmProcessEnd>;
  }): RemoteVm {
    const vm = new RemoteVm({ ...parts, socketPath: parts.path });
    this.#known.add(vm);
    void parts.ended.then(() => {
      // A manager that has let go of it leaves the socket to the next one.
      if (this.#known.delete(vm)) rmSync(parts.path, { force: true });
    });
    return vm;
  }

  #listen(path: string, name: string): FdListener {
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    try {
      return FdListener.bind(path);
    } catch (error) {
      if (!(error instanceof SystemCallError) || error.code !== 'EADDRINUSE') throw error;
    }
    if (removeIfStale(path)) return FdListener.bind(path);
    throw new HostError('vm-name-taken', {
      asked: `name the VM ${name}`,
      obstacle: 'the process of a VM of that name runs already.',
      remedy: 'Choose another name, or stop that one.',
      details: { name },
    });
  }

  /** Throws HostError `vm-process-failed`: it could not be started, or has ended already. */
  async #mark(child: ChildProcess, asked: string): Promise<{ mark: ProcessMark; handle: ProcessHandle }> {
    const processId = child.pid;
    if (processId === undefined) {
      const reason = await new Promise<Error>((resolve) => child.once('error', resolve));
      throw startFailed(asked, `it could not be executed: ${reason.message}.`);
    }
    // Nobody else can have its id before this process has collected it.
    const handle = ProcessHandle.open(processId);
    const startTicks = processStartTicks(this.#tree, processId);
    if (handle !== undefined && startTicks !== undefined) return { mark: { processId, startTicks }, handle };
    handle?.close();
    throw startFailed(asked, 'it ended at once.');
  }
}

/** Removes a socket that no process listens on. False: one does. It is not asked: a connection would be its new manager's. */
function removeIfStale(path: string): boolean {
  if (isListenedOn(path)) return false;
  rmSync(path, { force: true });
  return true;
}

function endOfChild(child: ChildProcess): Promise<VmProcessEnd> {
  return new Promise((resolve) => {
    child.once('exit', (exitCode, signal) => resolve({ exitCode: exitCode ?? undefined, signal: signal ?? undefined }));
  });
}

/** Throws HostError `vm-process-failed` with what the process said last. */
async function untilStarted(vm: RemoteVm, asked: string, log: EarlyLog): Promise<void> {
  const tooLate = Promise.withResolvers<'too late'>();
  const timer = setTimeout(() => tooLate.resolve('too late'), START_MS);
  try {
    const outcome = await Promise.race([vm.started(), vm.ended, tooLate.promise]);
    if (outcome === undefined) return;
    if (outcome === 'too late') throw startFailed(asked, `it has said nothing for ${START_MS / 1000} s.`);
    const how = outcome.signal ?? `exit code ${outcome.exitCode ?? 'unknown'}`;
    throw startFailed(asked, `it ended (${how}): ${lastWordsIn(log.text()) ?? 'it said nothing.'}`);
  } finally {
    clearTimeout(timer);
  }
}

function startFailed(asked: string, obstacle: string): HostError {
  return new HostError('vm-process-failed', {
    asked,
    obstacle: `its process did not come up: ${obstacle}`,
    remedy: 'dda check tells what this host lacks; dmesg may say more.',
  });
}
