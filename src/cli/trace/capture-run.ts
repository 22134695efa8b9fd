import type { TraceNews } from '../../host/index.ts';
import type { CaptureFile } from './capture-file.ts';
import { itemsOf } from './trace-feed.ts';

/**
 * Keeps a VM's whole trace in `file`, which has begun. A file that can't be written any more ends the trace, not the VM: `failed` is told why, and
 * the rest is let go.
 */
export async function captureRun(
  file: CaptureFile,
  trace: AsyncIterable<TraceNews>,
  failed: (sentence: string) => void,
): Promise<void> {
  try {
    for await (const news of trace) {
      if ('ended' in news) break;
      for (const item of itemsOf(news.records, news.lost)) {
        if (item.kind === 'record') await file.add(item.record);
        else if (item.kind === 'lost') file.addLost(item.count);
      }
    }
    await file.end();
  } catch (error) {
    file.close();
    failed(error instanceof Error ? error.message : String(error));
  }
}
