import { sendDatagram } from '../../linux/index.ts';

/** Tells a service manager how the daemon stands: sd_notify(3), in systemd's environment variables and datagrams. */
export class Notifier {
  readonly #socket: string | undefined;
  /** How often WATCHDOG=1 is due, half of what systemd waits for; undefined: there is no watchdog. */
  readonly watchdogMs: number | undefined;

  /** Takes the variables out of `environment`: they are this process's, not its children's. */
  constructor(environment: NodeJS.ProcessEnv) {
    const socket = environment['NOTIFY_SOCKET'];
    this.#socket = socket === '' ? undefined : socket;
    const isForThis = [undefined, String(process.pid)].includes(environment['WATCHDOG_PID']);
    const microseconds = Number(environment['WATCHDOG_USEC'] ?? 0);
    this.watchdogMs = isForThis && microseconds > 0 ? microseconds / 2000 : undefined;
    for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_PID', 'WATCHDOG_USEC']) delete environment[name];
  }

  /** Throws SystemCallError when the service manager doesn't take it. */
  tell(state: 'READY=1' | 'WATCHDOG=1' | 'STOPPING=1', status?: string): void {
    if (this.#socket === undefined) return;
    const lines = status === undefined ? state : `${state}\nSTATUS=${status}`;
    sendDatagram(this.#socket, Buffer.from(lines));
  }
}
