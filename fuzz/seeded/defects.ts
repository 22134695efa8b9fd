import type { Defect } from './defect.ts';
import { functionDefects } from './functions.ts';
import { hypervDefects } from './hyperv.ts';
import { managerDefects } from './manager.ts';
import { nvmeDefects } from './nvme.ts';
import { traceDefects } from './trace.ts';
import { vmbusDefects } from './vmbus.ts';
import { vpciDefects } from './vpci.ts';
import { wordsDefects } from './words.ts';

export type { Defect } from './defect.ts';

/** At least one in each decoder. That all of them are found is what shows that the fuzzer fuzzes. */
export const DEFECTS: readonly Defect[] = [
  ...hypervDefects,
  ...vmbusDefects,
  ...vpciDefects,
  ...functionDefects,
  ...nvmeDefects,
  ...wordsDefects,
  ...managerDefects,
  ...traceDefects,
];
