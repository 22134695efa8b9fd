import { request, type IncomingMessage } from 'node:http';

const SOCKET = '/run/dda/dda.sock';

export interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** dda's API, as curl reaches it: starting a command of dda takes the emulated processor longer than many a return. */
export async function ask(method: string, path: string, body?: unknown): Promise<Answer> {
  const response = await open(method, path, body);
  let text = '';
  response.setEncoding('utf8');
  for await (const part of response) text += String(part);
  return { status: response.statusCode ?? 0, body: JSON.parse(text) as Answer['body'] };
}

/** As {@link ask}, but throws what was refused. */
export async function get(method: string, path: string, body?: unknown): Promise<Answer['body']> {
  const answer = await ask(method, path, body);
  if (answer.status >= 400) throw new Error(`${method} ${path}: ${JSON.stringify(answer.body)}`);
  return answer.body;
}

/** The answer as it comes. */
export function open(method: string, path: string, body?: unknown): Promise<IncomingMessage> {
  const payload = body === undefined ? undefined : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const asked = request({
      socketPath: SOCKET,
      method,
      path,
      headers: payload === undefined ? {} : { 'content-type': 'application/json', 'content-length': payload.length },
    });
    asked.on('response', resolve);
    asked.on('error', reject);
    asked.end(payload);
  });
}
