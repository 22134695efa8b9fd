import type { ReadinessFacts } from '../../host/index.ts';
import type { FakeHost } from '../../host/testing/index.ts';
import type { ConsolePort } from '../console-port.ts';
import { runCommandLine } from '../program.ts';

export interface CliResult {
  readonly exitCode: number;
  readonly output: string;
  readonly notices: string;
}

const ready: ReadinessFacts = {
  kernelRelease: '6.1.0-43-amd64',
  guests: { runs: true, extension: 'svm' },
  iommuGroups: 6,
  processorVendor: 'amd',
  vfio: 'loaded',
  isRoot: true,
  lockableBytes: 8 * 2 ** 20,
  groupObstacle: undefined,
  assignable: ['0000:01:00.0'],
  functionCount: 1,
};

const silentConsole: ConsolePort = {
  isTerminal: false,
  write: () => undefined,
  flushed: () => Promise.resolve(),
  listen: () => () => undefined,
  interrupt: () => undefined,
};

/** Runs one command line against a host in memory. */
export async function runCli(
  host: FakeHost,
  args: readonly string[],
  readiness: Partial<ReadinessFacts> = {},
  controlDirectory = '/nonexistent',
  daemonSocket = '/nonexistent/dda.sock',
  guestConsole: ConsolePort = silentConsole,
  program: readonly string[] = ['/nonexistent/dda'],
): Promise<CliResult> {
  let [output, notices, exitCode] = ['', '', 0];
  await runCommandLine(
    {
      terminal: {
        output: (text) => {
          output += text;
        },
        notices: (text) => {
          notices += text;
        },
        style: (_, text) => text,
        columns: undefined,
      },
      openHost: () => host,
      readReadiness: () => ({ ...ready, ...readiness }),
      guestSupport: () => {
        const { guests } = { ...ready, ...readiness };
        return guests.runs ? guests : { ...guests, code: 'kvm-missing' };
      },
      guestConsole: () => guestConsole,
      controlDirectory,
      daemonSocket,
      program,
      version: '1.2.3',
      setExitCode: (code) => {
        exitCode = code;
      },
    },
    args,
  );
  return { exitCode, output, notices };
}
