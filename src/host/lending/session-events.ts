import type { EjectOutcome } from '../../vm/index.ts';

/** What happens to functions during a session, for people and programs. */
export type SessionEvent =
  | { readonly kind: 'lent'; readonly function: string; readonly tookMs: number }
  /** The guest was asked and the function is back; how it answered. */
  | { readonly kind: 'ejected'; readonly function: string; readonly outcome: EjectOutcome; readonly tookMs: number }
  /** Taken without asking. */
  | { readonly kind: 'rescinded'; readonly function: string; readonly tookMs: number }
  /** The host's kernel wants it: somebody unbinds or unplugs it. */
  | { readonly kind: 'release-requested'; readonly function: string }
  | { readonly kind: 'function-failed'; readonly function: string; readonly reason: string }
  | { readonly kind: 'warning'; readonly function: string; readonly code: string; readonly message: string };
