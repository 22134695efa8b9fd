import type { TraceEventJson } from '../../api/index.ts';
import { type TraceNews, traceVm } from '../../host/index.ts';
import { recordsIn } from '../../trace/index.ts';
import type { CliContext } from '../cli-context.ts';
import type { VmHome } from '../daemon/vm-homes.ts';

/** What a VM's trace tells, wherever the VM runs. `lost`: so many records before the next are gone. */
export type TraceItem =
  | { readonly kind: 'record'; readonly record: Uint8Array }
  | { readonly kind: 'lost'; readonly count: number }
  | { readonly kind: 'ended'; readonly sentence: string };

/** Resolves when the VM records, and gives what it does until `signal` or the VM ends it. Throws what refuses it. */
export async function traceFeed(
  context: CliContext,
  home: VmHome,
  signal: AbortSignal,
): Promise<AsyncGenerator<TraceItem>> {
  return home.by === 'run'
    ? itemsOfRun(await traceVm(context.controlDirectory, home.name, signal))
    : itemsOfDaemon(await home.daemon.trace(home.name, signal));
}

async function* itemsOfRun(all: AsyncIterable<TraceNews>): AsyncGenerator<TraceItem> {
  for await (const news of all) {
    if ('ended' in news) yield { kind: 'ended', sentence: news.ended };
    else yield* itemsOf(news.records, news.lost);
  }
}

async function* itemsOfDaemon(events: AsyncIterable<TraceEventJson>): AsyncGenerator<TraceItem> {
  for await (const event of events) {
    if (event.kind === 'record') yield { kind: 'record', record: Buffer.from(event.bytes, 'base64') };
    else yield event;
  }
}

/** The items in a chunk of records. */
export function* itemsOf(records: Uint8Array, lost: number): Generator<TraceItem> {
  if (lost > 0) yield { kind: 'lost', count: lost };
  for (const record of recordsIn(records) ?? []) yield { kind: 'record', record };
}
