import type { VirtualFunctionSettings, VirtualFunctionsDriver } from './owner.ts';

/** What is to be done in the world outside. Each can be done again: it looks first whether there is still anything to do. */
export type Action =
  /** `again`: they were dismounted before, and the host's drivers got hold of them, or of nothing, meanwhile. */
  | {
      readonly act: 'dismount';
      readonly functions: readonly string[];
      readonly force: boolean;
      readonly again: boolean;
    }
  | { readonly act: 'mount'; readonly functions: readonly string[] }
  /** Forget what was noted for giving them back: they have left the host. */
  | { readonly act: 'forget'; readonly functions: readonly string[] }
  | {
      readonly act: 'reshape';
      readonly function: string;
      readonly virtualFunctions: number;
      readonly settings: readonly VirtualFunctionSettings[];
      readonly drivenBy: VirtualFunctionsDriver;
    }
  | { readonly act: 'lend'; readonly vm: string; readonly function: string; readonly groupIsOpen: boolean }
  | { readonly act: 'ask'; readonly vm: string; readonly function: string; readonly untilMs: number }
  | { readonly act: 'revoke'; readonly vm: string; readonly function: string }
  /** Make sure that nobody has the group open, and reset each, keeping everybody out meanwhile. */
  | { readonly act: 'verify'; readonly functions: readonly string[]; readonly reset: boolean }
  | { readonly act: 'start-vm'; readonly vm: string }
  | { readonly act: 'stop-vm'; readonly vm: string }
  | { readonly act: 'kill-vm'; readonly vm: string };
