import { addressOf, bindLong, heldUntilHere, lastErrno } from '../libc/library.ts';
import { errnoName } from '../libc/system-call-error.ts';
import { SystemCall, type SystemCallName } from '../seccomp/system-call-numbers.ts';

/** A system call that somebody in a process makes who is up to no good; texts and bytes are passed by their address. */
export interface Attempt {
  readonly what: string;
  readonly call: SystemCallName | number;
  readonly args: readonly (number | bigint | string | Uint8Array)[];
  /** What it must fail with. */
  readonly errno: string;
}

const attempt = (what: string, call: Attempt['call'], args: Attempt['args'], errno = 'EPERM'): Attempt => ({
  what,
  call,
  args,
  errno,
});

const here = -100;
const standardError = 2;
const listener = 3;
/** Numbers of Linux' headers: what they mean is said beside them. */
const socketAddress = new Uint8Array([1, 0, ...new TextEncoder().encode('/run/dda/dda.sock'), 0]);
const x32 = 0x4000_0000;
const zeroes = new Uint8Array(256);

/** What the VM process of a guest that has escaped into it might try, while it can run code there. Each is refused. */
export const ATTEMPTS: readonly Attempt[] = [
  attempt('open a file', 'openat', [here, '/etc/passwd', 0, 0], 'EACCES'),
  attempt('open a file, the older way', 'open', ['/etc/passwd', 0, 0], 'EACCES'),
  attempt('open a file, the newer way', 'openat2', [here, '/etc/passwd', zeroes, 24], 'ENOSYS'),
  attempt('open a file by the x32 number', x32 | SystemCall.openat, [here, '/etc/passwd', 0, 0], 'ENOSYS'),
  attempt('open the root directory', 'openat', [here, '/', 0o200000, 0], 'EACCES'),
  attempt('create a file', 'creat', ['/tmp/x', 0o600], 'EACCES'),
  attempt('open the memory of this process', 'openat', [here, '/proc/self/mem', 2, 0], 'EACCES'),
  attempt('look which control group it is in', 'openat', [here, '/proc/self/cgroup', 0, 0], 'EACCES'),
  attempt('leave its control group', 'openat', [here, '/sys/fs/cgroup/cgroup.procs', 1, 0], 'EACCES'),
  attempt("open another process's descriptor", 'openat', [here, '/proc/1/fd/3', 2, 0], 'EACCES'),
  attempt('look at a file', 'newfstatat', [here, '/etc/passwd', zeroes, 0], 'EACCES'),
  attempt('remove a file', 'unlinkat', [here, '/etc/passwd', 0]),
  attempt('make an Internet socket', 'socket', [2, 1, 0]),
  attempt('make a Unix socket', 'socket', [1, 5, 0]),
  attempt('make a netlink socket', 'socket', [16, 3, 0]),
  attempt('connect to the daemon', 'connect', [listener, socketAddress, socketAddress.byteLength]),
  attempt('bind a socket', 'bind', [listener, socketAddress, socketAddress.byteLength]),
  attempt('make a pair of sockets', 'socketpair', [1, 1, 0, zeroes]),
  attempt('get at another process', 'pidfd_open', [2, 0]),
  attempt("get another process's descriptor", 'pidfd_getfd', [listener, 3, 0]),
  attempt('compare descriptors with another process', 'kcmp', [1, 2, 0, 3, 3]),
  attempt("read another process's memory", 'process_vm_readv', [2, zeroes, 1, zeroes, 1, 0]),
  attempt("write another process's memory", 'process_vm_writev', [2, zeroes, 1, zeroes, 1, 0]),
  attempt('trace a process', 'ptrace', [16, 2, 0, 0]),
  attempt('be traced', 'ptrace', [0, 0, 0, 0]),
  attempt('create a VM', 'ioctl', [standardError, 0xae01, 0]),
  attempt('enable a capability of KVM', 'ioctl', [standardError, 0x4068_aea3, zeroes]),
  attempt('type into a terminal (TIOCSTI)', 'ioctl', [standardError, 0x5412, zeroes]),
  attempt('an ioctl of a block device', 'ioctl', [standardError, 0x1277, 0]),
  attempt('the same, with a part of the number that the kernel does not read', 'ioctl', [
    standardError,
    0xae80_0000_1277n,
    0,
  ]),
  attempt('execute a program', 'execve', ['/bin/sh', 0, 0]),
  attempt('execute an open file', 'execveat', [standardError, '', 0, 0, 0x1000]),
  attempt('fork', 'fork', []),
  attempt('vfork', 'vfork', []),
  attempt('clone a process', 'clone', [17, 0, 0, 0, 0]),
  attempt('clone a thread into namespaces', 'clone', [0x3d_0f00 | 0x1000_0000, 0, 0, 0, 0]),
  attempt('clone, the newer way', 'clone3', [zeroes, 88], 'ENOSYS'),
  attempt('a user namespace', 'unshare', [0x1000_0000]),
  attempt("another's namespace", 'setns', [listener, 0]),
  attempt('mount', 'mount', ['none', '/', 'tmpfs', 0, 0]),
  attempt('unmount', 'umount2', ['/', 2]),
  attempt('another root', 'chroot', ['/']),
  attempt('another root, by mounts', 'pivot_root', ['/', '/']),
  attempt('a file system without a mount', 'fsopen', ['tmpfs', 0]),
  attempt('signal a process', 'kill', [2, 0]),
  attempt('signal all processes', 'kill', [-1n, 0]),
  attempt('signal a thread of another process', 'tgkill', [2, 2, 0]),
  attempt('signal a thread of anyone', 'tkill', [2, 0]),
  attempt('signal by a queue', 'rt_sigqueueinfo', [2, 0, zeroes]),
  attempt('signal by a descriptor', 'pidfd_send_signal', [listener, 9, 0, 0]),
  attempt('have a descriptor send signals (F_SETOWN)', 'fcntl', [listener, 8, 2]),
  attempt('load a program into the kernel', 'bpf', [5, zeroes, 72]),
  attempt('make a ring of requests', 'io_uring_setup', [8, zeroes], 'ENOSYS'),
  attempt('handle page faults', 'userfaultfd', [1]),
  attempt('watch events of the processor', 'perf_event_open', [zeroes, 0, -1n, -1n, 0]),
  attempt('use keys', 'keyctl', [0, -3n, 1]),
  attempt('add a key', 'add_key', ['user', 'x', 'x', 1, -3n]),
  attempt('set a filter', 'seccomp', [1, 0, zeroes]),
  attempt('become readable to others (PR_SET_DUMPABLE)', 'prctl', [4, 1, 0, 0, 0]),
  attempt('become root', 'setuid', [0]),
  attempt('get capabilities', 'capset', [zeroes, zeroes]),
  attempt('another personality', 'personality', [0x0400000]),
  attempt('raise a limit', 'prlimit64', [0, 7, zeroes, 0]),
  attempt('take precedence', 'setpriority', [0, 0, -20n]),
  attempt('choose processors', 'sched_setaffinity', [0, 8, zeroes]),
  attempt('load a module', 'finit_module', [standardError, '', 0]),
  attempt('boot another kernel', 'kexec_load', [0, 0, 0, 0]),
  attempt('reach ports', 'iopl', [3]),
  attempt('memory that no limit holds for', 'mmap', [0, 4096, 3, 0x21, -1n, 0]),
  attempt('execute a file that is open', 'mmap', [0, 4096, 5, 2, standardError, 0]),
  attempt('shared memory of System V', 'shmget', [0, 4096, 0o1600]),
  attempt('a message queue', 'mq_open', ['/x', 0o102, 0o600, 0]),
  attempt('watch files', 'inotify_init1', [0]),
  attempt('a pipe', 'pipe2', [zeroes, 0]),
];

export interface AttemptResult {
  readonly what: string;
  /** The name of the errno, or that it was done. */
  readonly came: string;
}

const MAX_ARGUMENTS = 6;
const native = bindLong('syscall', ['ulong', 'ulong', 'ulong', 'ulong', 'ulong', 'ulong', 'ulong']);

/** Makes the call for real, on this thread. */
export function makeAttempt({ what, call, args }: Attempt): AttemptResult {
  const held: Uint8Array[] = [];
  const passed = (arg: Attempt['args'][number] | undefined): bigint => {
    if (typeof arg === 'number' || typeof arg === 'bigint') return BigInt.asUintN(64, BigInt(arg));
    if (arg === undefined) return 0n;
    const bytes = typeof arg === 'string' ? Uint8Array.from([...new TextEncoder().encode(arg), ...zeroes]) : arg;
    held.push(bytes);
    return addressOf(bytes);
  };
  const [a = 0n, b = 0n, c = 0n, d = 0n, e = 0n, f = 0n] = Array.from({ length: MAX_ARGUMENTS }, (_, index) =>
    passed(args[index]),
  );
  const number = typeof call === 'number' ? call : SystemCall[call];
  const result = Number(native(number, a, b, c, d, e, f));
  const errno = result < 0 ? lastErrno() : 0;
  heldUntilHere(...held);
  return { what, came: result < 0 ? errnoName(errno) : `done: ${result}` };
}
