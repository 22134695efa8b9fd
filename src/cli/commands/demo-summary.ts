import type { DemoResult } from '../../host/index.ts';
import { wrap } from '../table.ts';
import type { Terminal } from '../terminal.ts';

const LABEL_WIDTH = 15;
const VALUE_WIDTH = 12;

/** What came out, with what each number means. */
export function demoSummary(terminal: Terminal, result: DemoResult, totalMs: number): string {
  const { reads, readsMs, interrupts, userspaceExits, exitsTracedByKvm } = result;
  const witness =
    exitsTracedByKvm === null
      ? "KVM's own count was not to be had"
      : `KVM's own tracepoint counted ${number(exitsTracedByKvm)}`;
  const rows: readonly (readonly [label: string, value: string, meaning: string])[] = [
    ['written', mib(result.bytesWritten), 'random bytes that the guest wrote and flushed through its own nvme driver'],
    [
      'verified',
      mib(result.bytesVerifiedOnHost),
      "what the host read back after the return: same SHA-256 as the guest's",
    ],
    [
      'reads',
      number(reads),
      `of 4 KiB, one at a time, past the guest's page cache: ${number((reads / readsMs) * 1000)} a second`,
    ],
    ['interrupts', number(interrupts), "from the device to the guest's CPUs during those reads"],
    [
      'exits per read',
      (userspaceExits / reads).toFixed(2),
      `times that KVM handed over to dda for a read: ${number(userspaceExits)} in ${number(reads)} reads (${witness})`,
    ],
    ['whole story', `${(totalMs / 1000).toFixed(1)} s`, ''],
  ];
  const title = `${result.function} was lent to a guest (Linux ${result.guestKernel}, ${result.cpus === 1 ? '1 CPU' : `${result.cpus} CPUs`}) and is back.`;
  const lines = rows.map(([label, value, meaning]) => {
    const first = `  ${label.padEnd(LABEL_WIDTH)}${value.padStart(VALUE_WIDTH)}  `;
    return wrap(terminal, meaning, first, ' '.repeat(first.length)).trimEnd();
  });
  return `${[terminal.style('bold', title), ...lines].join('\n')}\n`;
}

const number = (value: number): string => Math.round(value).toLocaleString('en-US');
const mib = (bytes: number): string => `${number(bytes / 1024 ** 2)} MiB`;
