import { closeFile, OpenFlag, openFile } from './libc/files.ts';
import {
  changeDirectory,
  changeRoot,
  detachMount,
  enterNamespace,
  fileSystemInformation,
  mount,
  MountFlag,
  Namespace,
  pivotRoot,
  unshare,
} from './libc/namespaces.ts';

/** By their names in /proc/PID/ns, in the order in which a thread goes back to its own: the root and directory belong to `mnt`. */
const KINDS = [
  ['pid', Namespace.processId],
  ['net', Namespace.network],
  ['ipc', Namespace.ipc],
  ['uts', Namespace.hostName],
  ['mnt', Namespace.mount],
] as const;

/**
 * The namespaces, root and directory that the calling thread has now, and a way back to them. The thread has a root and a directory
 * of its own from then on. Needs CAP_SYS_ADMIN and CAP_SYS_CHROOT.
 */
export class HomeNamespaces {
  readonly #open = new DisposableStack();
  readonly #namespaces: readonly (readonly [number, Namespace])[];
  readonly #root: number;
  readonly #directory: number;

  constructor() {
    unshare(fileSystemInformation);
    const keep = (path: string): number => this.#open.adopt(openFile(path, OpenFlag.readOnly), closeFile);
    try {
      this.#namespaces = KINDS.map(([name, kind]) => [keep(`/proc/thread-self/ns/${name}`), kind] as const);
      this.#root = keep('/');
      this.#directory = keep('.');
    } catch (error) {
      this.#open.dispose();
      throw error;
    }
  }

  /**
   * Does `work` on this thread in new, empty namespaces: no network but a loopback device that is down, no System V objects and message
   * queues, mounts as they were until now but of its own, and the first process that `work` starts is number 1 of those that it can
   * see. `work` must be done when it returns; what it started stays there.
   */
  away<T>(work: () => T): T {
    return this.#andBack(() => {
      unshare(KINDS.reduce((flags, [, kind]) => flags | kind, 0));
      // What is unmounted there must not be unmounted here.
      mount('', '/', MountFlag.recursive | MountFlag.slave, '');
      return work();
    });
  }

  /**
   * Takes the file system from a process that {@link away} started, and that has it as root and directory: both are an empty directory that
   * can't be written then, and nothing else is mounted there. `over`: a directory that is there. The process does nothing for it.
   */
  emptyRootOf(processId: number, over: string): void {
    const fd = openFile(`/proc/${processId}/ns/mnt`, OpenFlag.readOnly);
    try {
      this.#andBack(() => {
        enterNamespace(fd, Namespace.mount);
        const { readOnly, noSetUserId, noDevices, noExec } = MountFlag;
        mount('tmpfs', over, readOnly | noSetUserId | noDevices | noExec, 'mode=0555,size=4k,nr_inodes=1');
        changeDirectory(over);
        pivotRoot('.', '.');
        detachMount('.');
      });
    } finally {
      closeFile(fd);
    }
  }

  /** Goes back whatever comes of it. Throws where it can't: then this thread is good for nothing any more. */
  #andBack<T>(work: () => T): T {
    try {
      return work();
    } finally {
      for (const [fd, kind] of this.#namespaces) enterNamespace(fd, kind);
      changeDirectory(this.#root);
      changeRoot('.');
      changeDirectory(this.#directory);
    }
  }

  close(): void {
    this.#open.dispose();
  }
}
