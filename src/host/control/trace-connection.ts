import type { Socket } from 'node:net';
import { traceNews, type TraceSource } from './trace-source.ts';

/**
 * Writes what is recorded, a JSON object a line, until nothing more comes or the other end goes away. It writes as fast as is read
 * there, and no faster: what is not read in time is lost in the VM's ring, which is told.
 */
export async function writeTrace(socket: Socket, source: TraceSource): Promise<void> {
  if (socket.destroyed) return;
  const left = new AbortController();
  let wake: () => void = () => undefined;
  socket.once('close', () => {
    left.abort();
    wake();
  });
  socket.on('drain', () => wake());
  for await (const news of traceNews(source, left.signal)) {
    const line = 'ended' in news ? news : { records: Buffer.from(news.records).toString('base64'), lost: news.lost };
    if (socket.write(`${JSON.stringify(line)}\n`) || left.signal.aborted) continue;
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  }
}
