import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { FdListener, ProcessHandle, SystemCallError } from '../../linux/index.ts';
import { lastWordsIn, type VmProcessSpec } from '../../vm/process/index.ts';
import { VmGroups } from '../control-groups/vm-groups.ts';
import { checkVmName } from '../control/vm-names.ts';
import { HostError } from '../errors.ts';
import type { VmPort, VmProcess, VmProcessEnd, VmSpec } from '../manager/ports.ts';
import { processStartTicks } from '../moves/process-mark.ts';
import type { ProcessMark } from '../moves/record.ts';
import { DirectoryTree } from '../tree/directory-tree.ts';
import { EarlyLog } from './early-log.ts';
import { type LaunchRequest, launchVmProcess } from './launch.ts';
import { LaunchGate } from './launch-gate.ts';
import { checkProgramFiles } from './program-files.ts';
import { RemoteVm } from './remote-vm.ts';
import { type LaunchedProcess, VmLauncher } from './vm-launcher.ts';
import { holderOfSocket, isListenedOn } from './socket-holder.ts';
import type { VmLimits } from './vm-limits.ts';
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
  /** Told once why VM processes have no control groups, where that is so. */
  readonly warn: (text: string) => void;
}

/** The VM processes of this machine: started, found again, and told apart from all others. */
export class VmProcesses implements VmPort {
  readonly #directory: string;
  readonly #dma: VmProcessSpec['dma'] | 'auto';
  readonly #tree = new DirectoryTree();
  readonly #launcher = new VmLauncher();
  readonly #groups: VmGroups;
  readonly #known = new Set<RemoteVm>();
  /** Users of processes that are just being started. */
  readonly #reserved = new Set<number>();

  constructor(options: VmProcessesOptions) {
    this.#groups = new VmGroups(options.warn);
    this.#directory = options.directory ?? VM_PROCESS_DIRECTORY;
    this.#dma = options.dma ?? 'auto';
  }

  async start(name: string, spec: VmSpec, started: (mark: ProcessMark) => void): Promise<VmProcess> {
    const asked = `start the VM ${checkVmName(name)}`;
    checkProgramFiles(asked);
    const path = this.#path(name);
    const listener = this.#listen(path, name);
    const log = new EarlyLog(name);
    const gate = new LaunchGate();
    const userId = freeVmUser(new Set([...vmUsersOfProcesses(), ...this.#reserved]));
    this.#reserved.add(userId);
    let vm: RemoteVm | undefined;
    try {
      const request = { name, spec, userId, listenerFd: listener.fd, logFd: log.fd, gateFd: gate.fd, dma: this.#dma };
      const { limits, ...launched } = await this.#launch(request, asked);
      const { processId } = launched.mark;
      vm = this.#remote({ name, path, ...launched });
      // Whatever goes wrong from here on, there is something to kill.
      started(launched.mark);
      const opened = gate.open(processId, {
        limited: this.#groups.place(name, processId, limits.group),
        empty: () => this.#launcher.emptyRootOf(processId, this.#directory),
      });
      await untilStarted(vm, asked, log, opened);
      return vm;
    } catch (error) {
      vm?.kill();
      await vm?.ended;
      rmSync(path, { force: true });
      throw error;
    } finally {
      this.#reserved.delete(userId);
      listener.close();
      gate.close();
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
      return this.#gone(name, mark);
    }
    if (mark !== undefined && startTicks !== mark.startTicks) {
      handle.close();
      return this.#gone(name, mark);
    }
    const ended = new Promise<VmProcessEnd>((resolve) => {
      handle.onEnd(() => resolve({ exitCode: undefined, signal: undefined }));
    });
    return this.#remote({ name, path, mark: { processId, startTicks }, handle, ended });
  }

  /** Lets go of all processes and leaves them running. Resolves when nothing is left of those that have ended. */
  async close(): Promise<void> {
    for (const vm of this.#known) vm.close();
    this.#known.clear();
    this.#launcher.close();
    await this.#groups.settled();
  }

  #path(name: string): string {
    return join(this.#directory, `${name}.sock`);
  }

  /** Removes what such a process left, if it did: its socket, its control group. */
  #gone(name: string, mark: ProcessMark | undefined): undefined {
    removeIfStale(this.#path(name));
    if (mark !== undefined) this.#groups.ended(name, mark.processId);
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
      // A manager that has let go of it leaves all of this to the next one.
      if (!this.#known.delete(vm)) return;
      rmSync(parts.path, { force: true });
      this.#groups.ended(parts.name, parts.mark.processId);
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
  async #launch(
    request: LaunchRequest,
    asked: string,
  ): Promise<Omit<LaunchedProcess, 'processId'> & { readonly mark: ProcessMark; readonly limits: VmLimits }> {
    const { processId, handle, ended, limits } = await launchVmProcess(this.#launcher, request).catch(
      (error: unknown) => {
        throw error instanceof HostError || !(error instanceof Error) ? error : startFailed(asked, error.message);
      },
    );
    const startTicks = processStartTicks(this.#tree, processId);
    // In this order: as long as it has not ended, nobody else has its id.
    if (startTicks !== undefined && !handle.hasEnded) return { mark: { processId, startTicks }, handle, ended, limits };
    handle.close();
    throw startFailed(asked, 'it ended at once.');
  }
}

/** Removes a socket that no process listens on. False: one does. It is not asked: a connection would be its new manager's. */
function removeIfStale(path: string): boolean {
  if (isListenedOn(path)) return false;
  rmSync(path, { force: true });
  return true;
}

/** Throws HostError `vm-process-failed` with what the process said last. */
async function untilStarted(vm: RemoteVm, asked: string, log: EarlyLog, gate: Promise<never>): Promise<void> {
  const tooLate = Promise.withResolvers<'too late'>();
  const timer = setTimeout(() => tooLate.resolve('too late'), START_MS);
  try {
    const shut = gate.catch((error: unknown) => {
      throw startFailed(asked, error instanceof Error ? error.message : String(error));
    });
    const outcome = await Promise.race([vm.started(), vm.ended, tooLate.promise, shut]);
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
