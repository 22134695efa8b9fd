import type { NvmeAdminCommand } from '../../linux/index.ts';
import type { NvmeShare } from './nvme-shares.ts';
import type { CheckedSettings } from './settings.ts';

/** One act or check on a physical function. `intent` continues "could not …". */
export type VfStep = VfAct & {
  readonly intent: string;
  /** What takes the act back, in this order; done only when a later step fails. */
  readonly undo: readonly VfStep[];
};

export type VfAct =
  /** Whether the kernel offers virtual functions to drivers. `was`: what is to be put back at the end, noted before the act. */
  | { readonly act: 'autoprobe'; readonly on: boolean; readonly was?: boolean }
  /** 0 takes them all away. The kernel takes no other change than from and to 0. */
  | { readonly act: 'count'; readonly count: number }
  | { readonly act: 'check-count'; readonly count: number }
  /** `optional`: a refusal is no failure. */
  | {
      readonly act: 'nvme';
      readonly node: string;
      readonly commands: readonly NvmeAdminCommand[];
      readonly optional: boolean;
    }
  | { readonly act: 'check-nvme'; readonly shares: readonly NvmeShare[] }
  | {
      readonly act: 'link';
      readonly interfaceIndex: number;
      readonly interfaceName: string;
      readonly index: number;
      readonly settings: CheckedSettings['link'];
    }
  | { readonly act: 'check-links'; readonly settings: readonly CheckedSettings['link'][] }
  /** All that are there, into the pool. */
  | { readonly act: 'dismount' }
  /** All that are there, to whichever driver the kernel finds. */
  | { readonly act: 'probe' };

export interface VfPlan {
  readonly physicalFunction: string;
  readonly steps: readonly VfStep[];
  /** Whole sentences. */
  readonly warnings: readonly string[];
}
