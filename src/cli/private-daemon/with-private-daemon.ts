import { EndingWatch } from '../../host/index.ts';
import { PrivateDaemon } from './private-daemon.ts';

/**
 * Does `work` with a daemon of this command's own. Whatever happens, the daemon has ended and given back what it took from
 * the host before this settles; `ended` is called when it has. `command` starts this program; `ending` is aborted by a signal.
 * Throws what `work` throws, ApiError `private-daemon-failed`, HostError `interrupted`, and `functions-left` for what could
 * not be given back.
 */
export async function withPrivateDaemon<T extends object>(
  command: readonly string[],
  notice: (text: string) => void,
  work: (daemon: PrivateDaemon, ending: AbortSignal) => Promise<T>,
  ended: () => void,
): Promise<T> {
  const ending = new EndingWatch(notice);
  try {
    const daemon = await PrivateDaemon.start(command);
    const failures: unknown[] = [];
    let result: T | undefined;
    try {
      result = await work(daemon, ending.signal);
    } catch (error) {
      failures.push(error);
    }
    try {
      await daemon.end(notice);
    } catch (error) {
      failures.push(error);
    }
    ended();
    // What went wrong because the command was ended is no news.
    if (ending.reason !== undefined) failures.splice(0, result === undefined ? 1 : 0, ending.reason);
    if (failures.length > 1) throw new AggregateError(failures, failures.map(String).join('\n'));
    if (failures.length === 1) throw failures[0];
    if (result === undefined) throw new Error('there is neither a result nor a failure');
    return result;
  } finally {
    ending.stop();
  }
}
