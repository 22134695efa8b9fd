import type { ArgumentCondition, ErrnoName, SystemCallName } from '../../../linux/index.ts';
import type { Row } from './phase.ts';

export interface SystemCallRow extends Row {
  /** Calls of one reason; the same conditions hold for all of them. */
  readonly calls: readonly SystemCallName[];
  /** All must hold. */
  readonly when?: readonly ArgumentCondition[];
  /** What the conditions say, in words. */
  readonly only?: string;
}

/** Stands for this process's own id in a condition. */
export const OWN_PROCESS = -1;

/** Linux include/uapi/asm-generic/mman-common.h, fcntl.h; include/uapi/linux/fcntl.h, prctl.h, sched.h. */
const executable = 4;
const shared = 1;
const anonymous = 0x20;
const writeOrCreate = 0o1 | 0o2 | 0o100 | 0o1000 | 0o2000;
const descriptorCommands = {
  getFd: 1,
  setFd: 2,
  getFlags: 3,
  setFlags: 4,
  duplicate: 1030,
  addSeals: 1033,
  getSeals: 1034,
};
const setName = 15;
const setVirtualMemoryName = 0x5356_4d41;
const emptyPath = 0x1000;
/** CLONE_VM, FS, FILES, SIGHAND, THREAD, SYSVSEM, SETTLS, PARENT_SETTID and CHILD_CLEARTID: what libc's pthread_create asks for. */
const threadFlags = 0x3d_0f00;

const call = (
  until: Row['until'],
  calls: readonly SystemCallName[],
  why: string,
  only?: string,
  when?: readonly ArgumentCondition[],
): SystemCallRow => ({ until, calls, why, ...(only === undefined || when === undefined ? {} : { only, when }) });

/** The system calls that a VM process may make, beside ioctl(2). All others fail: see {@link refusals}. */
export const systemCallTable: readonly SystemCallRow[] = [
  call('always', ['tgkill'], 'a vCPU is kicked out of the guest; abort(3)', 'threads of this process', [
    { argument: 0, is: [OWN_PROCESS] },
  ]),
  call(
    'always',
    ['mmap'],
    'memory of V8, of libc and of threads; pages of functions and of vCPUs',
    'not shared and anonymous (no limit would hold for that), not executable',
    [
      { argument: 2, mask: executable, is: [0] },
      { argument: 3, mask: shared | anonymous, is: [0, shared, anonymous] },
    ],
  ),
  call('always', ['mmap'], "V8's compiled code", 'executable memory of its own, not of files', [
    { argument: 2, mask: executable, is: [executable] },
    { argument: 3, mask: shared | anonymous, is: [anonymous] },
  ]),
  call(
    'always',
    ['clone'],
    "threads: of Node's pool, when it is first used; vCPUs' while starting",
    'a thread, with exactly what libc asks for',
    [{ argument: 0, is: [threadFlags] }],
  ),
  call(
    'always',
    ['fcntl'],
    'flags of descriptors; copies; seals of memory that is shown to the guest',
    'these commands; not those that send signals',
    [{ argument: 1, is: Object.values(descriptorCommands) }],
  ),
  call('always', ['prctl'], 'names of threads and of memory', 'PR_SET_NAME, PR_SET_VMA', [
    { argument: 0, is: [setName, setVirtualMemoryName] },
  ]),
  call('always', ['newfstatat'], 'the state of a descriptor, as libc asks for it', 'AT_EMPTY_PATH', [
    { argument: 3, mask: emptyPath, is: [emptyPath] },
  ]),
  call('always', ['statx'], 'the state of a descriptor, as libuv asks for it', 'AT_EMPTY_PATH', [
    { argument: 2, mask: emptyPath, is: [emptyPath] },
  ]),
  call('always', ['futex'], 'threads wait for each other'),
  call('always', ['read', 'write'], 'eventfds; standard error, for last words'),
  call(
    'always',
    ['preadv2', 'pwritev2', 'fdatasync', 'fallocate'],
    'disks of software, whose files the process inherits; no file grows beyond the largest of them (RLIMIT_FSIZE)',
  ),
  call('always', ['pread64', 'pwrite64'], "a function's registers and configuration space; disks of software"),
  call(
    'always',
    ['recvmsg', 'sendmsg', 'accept4', 'getsockopt'],
    'the manager, by the socket that is there: requests, descriptors, who it is',
  ),
  call('always', ['close', 'fstat'], 'descriptors that are there'),
  call('always', ['eventfd2'], 'one for each interrupt of a function'),
  call('always', ['memfd_create', 'ftruncate'], 'pages that a function shows to the guest; bounded by RLIMIT_FSIZE'),
  call('always', ['epoll_ctl', 'epoll_wait', 'epoll_pwait', 'poll', 'ppoll'], "Node's event loop"),
  call('always', ['mprotect', 'pkey_mprotect'], 'V8 writes code and then executes it: PROT_EXEC is allowed'),
  call('always', ['munmap', 'mremap', 'madvise', 'brk'], 'memory of V8 and of libc; guest memory is populated'),
  call('always', ['pkey_alloc', 'pkey_free', 'membarrier', 'mincore'], 'V8, where the processor or the kernel has it'),
  call(
    'always',
    ['clock_gettime', 'clock_getres', 'gettimeofday', 'time', 'clock_nanosleep', 'nanosleep'],
    'time, where the clock is no memory of the kernel',
  ),
  call('always', ['getrandom'], 'seeds of hash tables'),
  call(
    'always',
    ['rt_sigaction', 'rt_sigprocmask', 'rt_sigreturn', 'sigaltstack', 'restart_syscall'],
    'signals: the kick of a vCPU',
  ),
  call(
    'always',
    ['set_robust_list', 'rseq', 'sched_getaffinity', 'sched_getparam', 'sched_getscheduler', 'sched_yield', 'getcpu'],
    'libc, in threads that begin, run and end',
  ),
  call(
    'always',
    ['getpid', 'gettid', 'getuid', 'geteuid', 'getgid', 'getegid', 'getrusage'],
    'what the process knows anyway',
  ),
  call(
    'always',
    ['fsync'],
    'the native library syncs standard output and error when the process exits, and hangs where it may not',
  ),
  call('always', ['exit', 'exit_group'], 'the end'),

  call('start', ['openat'], 'programs and libraries are read; what the host has', 'for reading', [
    { argument: 2, mask: writeOrCreate, is: [0] },
  ]),
  call(
    'start',
    [
      'stat',
      'lstat',
      'newfstatat',
      'statx',
      'access',
      'faccessat',
      'faccessat2',
      'readlink',
      'readlinkat',
      'getcwd',
      'getdents64',
      'lseek',
      'readv',
    ],
    'programs and libraries are looked for and read',
  ),
  call('start', ['mmap'], 'the native library is mapped for execution', "what isn't shared and anonymous", [
    { argument: 3, mask: shared | anonymous, is: [0, shared, anonymous] },
  ]),
  call(
    'start',
    ['prlimit64', 'getrlimit', 'sysinfo', 'uname', 'capget', 'statfs', 'fstatfs'],
    'Node and V8 look how much there is, and whom they run for',
  ),
  call('start', ['getpriority', 'setpriority'], "vCPUs' threads give up the precedence of the device thread"),
  call('start', ['seccomp'], 'the narrower filter is set'),
  call('start', ['epoll_create1', 'pipe2'], "each thread's event loop"),
];

/** Calls that fail with another errno than EPERM, and why with that one. */
export const refusals: readonly {
  readonly calls: readonly SystemCallName[];
  readonly errno: ErrnoName;
  readonly why: string;
}[] = [
  {
    calls: [
      'open',
      'openat',
      'creat',
      'stat',
      'lstat',
      'newfstatat',
      'statx',
      'access',
      'faccessat',
      'faccessat2',
      'readlink',
      'readlinkat',
    ],
    errno: 'EACCES',
    why: 'what libc and Node look at late (the memory policy of the kernel, the frequency of a clock) they do without where it may not be read',
  },
  {
    calls: ['clone3', 'io_uring_setup', 'io_uring_enter', 'io_uring_register', 'openat2'],
    errno: 'ENOSYS',
    why: 'libc and libuv go the older way, whose arguments a filter can see; what is asked for by io_uring no filter sees at all',
  },
];
