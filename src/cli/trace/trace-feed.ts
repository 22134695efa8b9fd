import { traceVm } from '../../host/index.ts';
import { recordsIn } from '../../trace/index.ts';
import type { CliContext } from '../cli-context.ts';
import type { VmHome } from '../daemon/vm-homes.ts';

/** What a VM's trace tells, wherever the VM runs. `lost`: so many records before the next are gone. */
export type TraceItem =
  | { readonly kind: 'record'; readonly record: Uint8Array }
  | { readonly kind: 'lost'; readonly count: number }
  | { readonly kind: 'ended'; readonly sentence: string };

/** From now on, until `signal` or the VM ends it. Throws what refuses it. */
export async function* traceFeed(context: CliContext, home: VmHome, signal: AbortSignal): AsyncGenerator<TraceItem> {
  if (home.by === 'run') {
    for await (const news of traceVm(context.controlDirectory, home.name, signal)) {
      if ('ended' in news) yield { kind: 'ended', sentence: news.ended };
      else yield* itemsOf(news.records, news.lost);
    }
    return;
  }
  for await (const event of await home.daemon.trace(home.name, signal)) {
    if (event.kind === 'record') yield { kind: 'record', record: Buffer.from(event.bytes, 'base64') };
    else yield event;
  }
}

/** The items in a chunk of records. */
export function* itemsOf(records: Uint8Array, lost: number): Generator<TraceItem> {
  if (lost > 0) yield { kind: 'lost', count: lost };
  for (const record of recordsIn(records) ?? []) yield { kind: 'record', record };
}
