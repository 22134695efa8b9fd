import type { ConfigLayout } from '../../src/functions/config-layout.ts';
import type { PolicedFunction } from '../../src/functions/index.ts';
import type { FakeBar } from '../../src/functions/testing/fake-backend.ts';
import type { Choices } from '../engine/choices.ts';
import { COMMAND } from './config-registers.ts';

/** As a driver does: memory on, a few vectors with a message and a descriptor each, interrupts on. */
export function startDriver(
  fn: PolicedFunction,
  { msix, msi }: Partial<ConfigLayout>,
  eventFds: Map<number, number>,
): void {
  fn.writeConfig(0x10, 4, 0x8000_0000);
  fn.writeConfig(COMMAND, 2, 6);
  const count = Math.min(4, msix?.vectorCount ?? msi?.vectorCount ?? 0);
  for (let vector = 0; vector < count; vector += 1) {
    fn.connectVector(vector, 100 + vector);
    eventFds.set(vector, 100 + vector);
    if (msix === undefined) continue;
    const entry = msix.table.offsetBytes + 16 * vector;
    fn.writeBar(msix.table.barIndex, entry, 8, 0xfee0_0000n);
    fn.writeBar(msix.table.barIndex, entry + 8, 8, BigInt(0x40 + vector));
  }
  if (msix !== undefined) fn.writeConfig(msix.offset + 2, 2, 0x8000);
  else if (msi !== undefined) fn.writeConfig(msi.offset + 2, 2, 0x21);
}

/** As a driver does while it runs: interrupts off and on, and all of them masked for a while. */
export function writeInterruptControl(
  fn: PolicedFunction,
  { msix, msi }: Partial<ConfigLayout>,
  choices: Choices,
): void {
  if (msix !== undefined && (msi === undefined || choices.chance(128)))
    fn.writeConfig(msix.offset + 2, 2, choices.pick([0x8000, 0xc000, 0, 0x4000] as const));
  else if (msi !== undefined) fn.writeConfig(msi.offset + 2, 2, choices.pick([1, 0, 0x21, 0x51] as const));
}

/** Where a guest reads and writes BARs: mostly the MSI-X table and what lies around it. */
export function chosenAccess(
  choices: Choices,
  bars: readonly FakeBar[],
  { msix }: Partial<ConfigLayout>,
): { barIndex: number; offset: number; sizeBytes: number } {
  const table = msix?.table;
  const part = choices.chance(64) ? msix?.pendingBits : table;
  const sizeBytes = choices.chance(16) ? choices.below(10) : choices.pick([4, 8, 2, 1] as const);
  if (part !== undefined && choices.chance(170)) {
    const inside = choices.chance(24) ? choices.below(part.sizeBytes + 8) - 4 : 4 * choices.below(64);
    return { barIndex: part.barIndex, offset: Math.max(0, part.offsetBytes + inside), sizeBytes };
  }
  const barIndex = choices.chance(16) ? choices.below(7) : (choices.pick(bars)?.index ?? 0);
  const end = bars.find(({ index }) => index === barIndex)?.sizeBytes ?? 0x4000;
  if (choices.chance(24)) return { barIndex, offset: end - choices.below(8), sizeBytes };
  return { barIndex, offset: choices.chance(24) ? choices.word() : choices.below(0x4008), sizeBytes };
}
