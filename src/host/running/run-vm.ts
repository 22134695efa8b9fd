import { totalmem } from 'node:os';
import { ControlServer } from '../control/control-server.ts';
import { traceNews } from '../control/trace-source.ts';
import { HostError } from '../errors.ts';
import { withBorrowedFunctions } from '../moves/borrow.ts';
import type { Host } from '../moves/host-facts.ts';
import { VmRun, type VmRunObserver, type VmRunRequest, type VmRunResult } from './vm-run.ts';

/**
 * Runs a VM to its end, with functions of this host and a control socket. Whatever happens, the functions are given back
 * before this settles. Throws HostError, BootError, KvmError, VfioError; a guest that crashes is a result.
 */
export async function runVm(host: Host, request: VmRunRequest, observer: VmRunObserver): Promise<VmRunResult> {
  refuseTooMuchMemory(request);
  const run = new VmRun(request, observer);
  const server = await ControlServer.listen(request.controlDirectory, request.name, run.handler);
  const tracing = request.trace?.(traceNews(run.traces, new AbortController().signal));
  try {
    return await withBorrowedFunctions(host, request.functions, (borrowed) => run.guests(borrowed), {
      force: request.force,
      onNotice: (text) => observer.notice(text),
      onStep: (step, tookMs) => observer.step(step.intent, tookMs),
    });
  } finally {
    run.finish();
    await tracing;
    for (const disk of request.disks ?? []) disk.close();
    await server.close();
  }
}

function refuseTooMuchMemory({ name, machine }: VmRunRequest): void {
  const hostBytes = totalmem();
  if (machine.memoryBytes <= hostBytes) return;
  const mib = (sizeBytes: number): string => `${Math.floor(sizeBytes / 2 ** 20)} MiB`;
  throw new HostError('memory-exceeds-host', {
    asked: `give ${name} ${mib(machine.memoryBytes)} of memory`,
    obstacle: `the whole host has ${mib(hostBytes)}.`,
    remedy: 'Give it less: --memory',
    details: { memoryBytes: machine.memoryBytes, hostBytes },
  });
}
