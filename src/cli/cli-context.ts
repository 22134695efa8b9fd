import type { Host, ReadinessFacts } from '../host/index.ts';
import type { GuestSupport } from '../linux/index.ts';
import type { ConsolePort } from './console-port.ts';
import type { Terminal } from './terminal.ts';

/** All that commands reach of the world, so that tests can give them another one. */
export interface CliContext {
  readonly terminal: Terminal;
  /** The host to work on; `command` names the caller in its records. */
  readonly openHost: (command: string) => Host;
  readonly readReadiness: (host: Host) => ReadinessFacts;
  readonly guestSupport: () => GuestSupport;
  /** Where the console of a guest ends. */
  readonly guestConsole: () => ConsolePort;
  /** Where the control sockets of running VMs are. */
  readonly controlDirectory: string;
  /** Where the daemon listens. */
  readonly daemonSocket: string;
  /** What starts this program. */
  readonly program: readonly string[];
  readonly version: string;
  readonly setExitCode: (code: number) => void;
}
