import { BORROWED_POOL } from '../../host/index.ts';
import type { DaemonWatch } from './daemon-watch.ts';
import type { PrivateDaemon } from './private-daemon.ts';

/**
 * Dismounts functions for as long as the daemon runs. What is in a pool already was dismounted before, by somebody who wants it so, and
 * stays there. Gives whole sentences: what that breaks, and what moved along. Throws what the daemon refuses.
 */
export async function borrow(
  { client }: PrivateDaemon,
  watch: DaemonWatch,
  names: readonly string[],
  force: boolean,
): Promise<readonly string[]> {
  const functions = names.filter((name) => watch.functions.get(name)?.state !== 'pool');
  if (functions.length === 0) return [];
  await client.ask(client.routes.pools.$post({ json: { name: BORROWED_POOL } }));
  const { warnings } = await client.ask(
    client.routes.dismount.$post({ json: { functions, pool: BORROWED_POOL, force } }),
  );
  return warnings;
}
