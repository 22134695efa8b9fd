/**
 * The manager's thread that starts VM processes: what a process gets from who starts it (namespaces, a filter of system calls, no way to new
 * privileges) belongs to a thread, and this one has it in the manager's place.
 */
import { spawn } from 'node:child_process';
import { parentPort, workerData } from 'node:worker_threads';
import { forbidNewPrivileges, HomeNamespaces, installFilter, openPidFd } from '../../linux/index.ts';
import type { LaunchAnswer, LaunchedEnd, LaunchOrder, LaunchRequest, LaunchThreadData } from './launch-orders.ts';

const { filter } = workerData as LaunchThreadData;
const port = parentPort;
if (port === null) throw new Error('this is the program of a thread');
const home = new HomeNamespaces();
forbidNewPrivileges();
installFilter(filter, { scope: 'thread', audit: false });

async function launch(id: number, { program, args, userId, descriptors }: LaunchOrder): Promise<LaunchAnswer> {
  const child = home.away(() =>
    // Node's runtime clears the supplementary groups when it changes the user, and closes what isn't named here.
    spawn(program, [...args], {
      cwd: '/',
      env: {},
      detached: true,
      uid: userId,
      gid: userId,
      stdio: ['ignore', ...descriptors],
    }),
  );
  const processId = child.pid;
  if (processId === undefined) {
    const reason = await new Promise<Error>((resolve) => child.once('error', resolve));
    return { id, refused: `it could not be executed: ${reason.message}.` };
  }
  child.once('exit', (exitCode, signal) => {
    const end: LaunchedEnd = { ended: processId, exitCode: exitCode ?? undefined, signal: signal ?? undefined };
    port?.postMessage(end);
  });
  child.unref();
  // This thread collects it, and is here.
  const pidFd = openPidFd(processId);
  return pidFd === undefined ? { id, refused: 'it ended at once.' } : { id, processId, pidFd };
}

async function answer(request: Exclude<LaunchRequest, 'end'>): Promise<LaunchAnswer> {
  const { id } = request;
  try {
    if ('order' in request) return await launch(id, request.order);
    home.emptyRootOf(request.emptyRootOf, request.over);
    return { id, emptied: request.emptyRootOf };
  } catch (error) {
    return { id, refused: `it could not be locked up: ${error instanceof Error ? error.message : String(error)}.` };
  }
}

port.on('message', (request: LaunchRequest) => {
  if (request === 'end') port.close();
  else void answer(request).then((answered) => port.postMessage(answered));
});
