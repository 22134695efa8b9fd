import { FakeMachine, machineDescription } from '../../host/testing/index.ts';
import type { FakeVmProcess } from '../../host/testing/index.ts';
import { servePrivately } from '../private-daemon/serve-privately.ts';

/**
 * `memory-daemon.ts serve --private DIR …`: a private daemon whose host, kernel and VM processes are in memory. A guest
 * that reads `exit` powers off, `reset` resets, `panic` panics; `die` kills the daemon.
 */
async function main(): Promise<void> {
  const directory = process.argv[process.argv.indexOf('--private') + 1] ?? '';
  const machine = new FakeMachine(machineDescription());
  const typing = setInterval(() => {
    for (const vm of machine.vms.processes.values()) answer(vm);
  }, 1);
  // Time passes: what a VM process or the kernel doesn't do in time is told then.
  const time = setInterval(() => void machine.clock.pass(100), 100);
  const end = new AbortController();
  process.on('SIGTERM', () => end.abort());
  try {
    await servePrivately(directory, { logLevel: 'warn', version: '1.2.3', signal: end.signal }, async () => ({
      manager: await machine.start(),
      close: () => machine.dispose(),
    }));
  } finally {
    clearInterval(typing);
    clearInterval(time);
  }
}

function answer(vm: FakeVmProcess): void {
  const word = vm.typed.trim();
  if (!vm.typed.endsWith('\n')) return;
  vm.typed = '';
  vm.say({ kind: 'console', bytes: Buffer.from(`you typed ${word}\n`) });
  if (word === 'die') process.kill(process.pid, 'SIGKILL');
  if (word === 'panic') {
    const parameters = ['0x1', '0x8100', '0x0', '0x0', '0x0'];
    vm.say({ kind: 'crashed', report: { vp: 0, parameters, message: 'Kernel panic - not syncing: asked for\n' } });
  }
  if (word === 'exit' || word === 'reset') {
    const how = word === 'exit' ? 'power-off' : 'reset';
    vm.say({ kind: 'guest-ended', how, detail: `it ended by ${how}` });
    vm.end({ exitCode: 0, signal: undefined });
  }
}

try {
  await main();
} catch (error) {
  const { code, message } = error as { readonly code?: string; readonly message: string };
  process.stderr.write(`error [${code ?? 'unexpected'}]: ${message}\n`);
  process.exitCode = 6;
}
