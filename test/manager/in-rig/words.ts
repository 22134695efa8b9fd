import assert from 'node:assert/strict';
import type { ManagerSnapshot } from '../../../src/host/index.ts';
import type { Act, Point } from './act-gate.ts';

/** Where a function is to be: at the host, in the pool, or with the VM of that name. */
export type Place = 'host' | 'pool' | `lent ${string}`;

/** One operation of the manager's, as the conductor names it. */
export type Operation =
  | { readonly do: 'dismount' | 'mount'; readonly function: string }
  | { readonly do: 'create-vm' | 'stop-vm'; readonly vm: string }
  | { readonly do: 'add'; readonly vm: string; readonly function: string }
  | {
      readonly do: 'remove';
      readonly vm: string;
      readonly function: string;
      readonly to: 'pool' | 'host';
      readonly deadlineMs: number;
      /** The VM process is stopped before. */
      readonly stopped?: boolean;
    }
  /** The host's kernel is told to remove it, and then to look for it again. */
  | { readonly do: 'unplug'; readonly function: string }
  | { readonly do: 'virtual-functions'; readonly function: string; readonly count: number };

/** What a manager process is asked. */
export type Question =
  /** Waits until the manager knows what the kernel has told of so far, and nothing is on its way. */
  | { readonly ask: 'rest' }
  /** By ordinary requests. */
  | { readonly ask: 'bring'; readonly function: string; readonly to: Place }
  | { readonly ask: 'vm'; readonly vm: string; readonly runs: boolean }
  /** To the guest's serial port, and a line's end. */
  | { readonly ask: 'type'; readonly vm: string; readonly text: string }
  /** Waits until the guest has the disk of what it was lent. */
  | { readonly ask: 'seen'; readonly vm: string }
  | { readonly ask: 'home' }
  /** At the point the manager dies, or the process of `vm` is killed. */
  | { readonly ask: 'act'; readonly operation: Operation; readonly point?: Point; readonly vm?: string }
  | { readonly ask: 'close' };

export type Answer =
  | {
      readonly ok: true;
      readonly snapshot: ManagerSnapshot;
      /** Of `act`: what it took, and whether its point was reached. */
      readonly acts: readonly Act[];
      readonly struck: Act | undefined;
      readonly outcome: string;
    }
  | { readonly ok: false; readonly text: string };

/** How a manager process that is about to kill itself says where. */
export const DIED = 'died at ';

/** There while the host's kernel is removing a function and looking for it again, whatever becomes of the manager. */
export const UNPLUGGING = '/run/dda-test-unplugging';

export function required(name: string): string {
  return process.env[name] ?? assert.fail(`${name} is not set`);
}
