import { existsSync } from 'node:fs';
import { createConnection } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import type { GuestFiles, Vmm } from './vmm.ts';
import { startVmm } from './vmm-process.ts';

const VM_NAME = 'bench';
/** Where dda puts control sockets (docs/cli.md). */
const CONTROL_SOCKET = `/run/dda/vms/${VM_NAME}.sock`;
const SOCKET_POLL_MS = 50;

/** The command line that users give; `program` is `dda`, as built or as it is in the sources. */
function ddaArguments(program: string, guest: GuestFiles, more: readonly string[]): string[] {
  return [
    ...['--disable-warning=ExperimentalWarning', program, 'vm', 'run', '--name', VM_NAME],
    ...['--kernel', guest.vmlinux, '--initrd', guest.initrd, '--cmdline', guest.addedCommandLine],
    ...['--memory', `${guest.memoryMib}M`, '--cpus', '1', '--console', 'off'],
    ...more,
  ];
}

/** A guest of `dda vm run` with these options beside, asked over its control socket. */
export function startDda(guest: GuestFiles, bdf: string, program: string, more: readonly string[] = []): Vmm {
  // What Node compiled earlier counts only if dda sees to it by itself.
  const { NODE_COMPILE_CACHE: _, ...env } = process.env;
  const { child, console, startedAt, complaints } = startVmm(process.execPath, ddaArguments(program, guest, more), env);
  let control: Promise<ControlConnection> | undefined;
  const ask = async (request: Readonly<Record<string, unknown>>): Promise<Readonly<Record<string, unknown>>> => {
    control ??= ControlConnection.open();
    return (await control).ask(request);
  };
  return {
    process: child,
    console,
    startedAt,
    complaints,
    ready: async () => void (await ask({ op: 'status' })),
    add: async () => void (await ask({ op: 'add', function: bdf })),
    eject: async () => void (await ask({ op: 'eject', function: bdf })),
    ownExits: async () => Number((await ask({ op: 'status' }))['exits']),
    kill: () => void child.kill('SIGKILL'),
  };
}

/** One JSON object a line each way, replies in order. */
class ControlConnection {
  readonly #write: (line: string) => void;
  readonly #lines: AsyncIterator<string>;

  private constructor(write: (line: string) => void, lines: AsyncIterator<string>) {
    this.#write = write;
    this.#lines = lines;
  }

  static async open(): Promise<ControlConnection> {
    while (!existsSync(CONTROL_SOCKET)) await delay(SOCKET_POLL_MS);
    const socket = createConnection(CONTROL_SOCKET);
    const lines = createInterface({ input: socket })[Symbol.asyncIterator]();
    return new ControlConnection((line) => socket.write(line), lines);
  }

  async ask(request: Readonly<Record<string, unknown>>): Promise<Readonly<Record<string, unknown>>> {
    this.#write(`${JSON.stringify(request)}\n`);
    const { value } = (await this.#lines.next()) as { readonly value?: string };
    if (value === undefined) throw new Error('dda closed its control socket.');
    const reply = JSON.parse(value) as { readonly ok: boolean; readonly result: Readonly<Record<string, unknown>> };
    if (!reply.ok) throw new Error(`dda refused: ${value}`);
    return reply.result;
  }
}
