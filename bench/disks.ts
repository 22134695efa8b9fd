import { join } from 'node:path';
import { bootRig, REPOSITORY } from '../rig/index.ts';
import { bundleProduct } from '../scripts/bundle.ts';
import { DISK_WORK, type DisksConfig, type DisksLine, diskScript } from './disk-work.ts';
import { guestFiles } from './guest-files.ts';
import { median } from './report.ts';

const ROUND_TIMEOUT_MS = 300_000;
const say = (text: string): void => void process.stderr.write(`bench: ${text}\n`);

/** A file as an NVMe disk of the same guest, with dda's controller of software and with QEMU's, in turn on one rig. */
export async function disks({ rounds, json }: { readonly rounds: number; readonly json: boolean }): Promise<void> {
  const directory = join(REPOSITORY, 'dist/cli');
  await bundleProduct(directory);
  const config: DisksConfig = { rounds, guest: await guestFiles(diskScript), program: join(directory, 'main.js') };
  await using rig = await bootRig({ nvmeControllers: 0 });
  const program = join(import.meta.dirname, 'in-rig/disks.ts');
  const { exitCode, stdout, stderr } = await rig.run(
    ['node', '--disable-warning=ExperimentalWarning', program, JSON.stringify(config)],
    {
      timeoutMs: rounds * ROUND_TIMEOUT_MS,
      onOutput: (_stream, bytes) => say(Buffer.from(bytes).toString().trimEnd()),
    },
  );
  if (exitCode !== 0) throw new Error(`The rounds ended with exit code ${exitCode}.\n${stderr}`);
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as DisksLine);
  const rows = DISK_WORK.map(({ name, unit }, index) => {
    const of = (side: DisksLine['side']): number =>
      median(lines.filter((line) => line.side === side).map(({ rates }) => rates[index] ?? Number.NaN));
    const [dda, qemu] = [of('dda'), of('qemu')];
    return { name, unit, dda: Math.round(dda), qemu: Math.round(qemu), ratio: Number((dda / qemu).toFixed(2)) };
  });
  if (json) process.stdout.write(`${JSON.stringify({ bench: 'disks', rounds, rows })}\n`);
  else
    process.stdout.write(
      `Medians of ${rounds} rounds of each side, in turn on one rig.\n\n${rows.map(rowText).join('')}`,
    );
}

function rowText(row: { readonly name: string; unit: string; dda: number; qemu: number; ratio: number }): string {
  const { name, unit, dda, qemu, ratio } = row;
  return `${name.padEnd(22)} ${unit.padEnd(6)} dda ${String(dda).padStart(6)}  QEMU ${String(qemu).padStart(6)}  ${ratio.toFixed(2)}×\n`;
}
