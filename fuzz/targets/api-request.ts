import type { ApiOperation } from './served-api.ts';
import type { Choices } from '../engine/choices.ts';
import { chosenJson, chosenJsonText, type JsonDefinitions, type JsonSchema } from './chosen-json.ts';

/** Of which the API reads a body. */
export const MOST_BODY_BYTES = 64 * 1024;

const STRANGE_ADDRESSES = [
  '/v1',
  '/',
  '/v1/functions/%ff',
  '/v1//vms',
  '/metrics',
  '/openapi.json',
  '/v1/vms/%00/console',
] as const;

export interface ChosenRequest {
  readonly request: Request;
  readonly bodyBytes: number;
}

/** A request by the API's document, mostly. */
export function chosenRequest(
  { method, path, parameters, body }: ApiOperation,
  choices: Choices,
  definitions: JsonDefinitions,
): ChosenRequest {
  const query = new URLSearchParams();
  const headers = new Headers();
  let address = path;
  for (const { name, in: place, schema = {} } of parameters) {
    if (place !== 'path' && !choices.chance(96)) continue;
    const value = chosenJson(schema, choices, definitions);
    const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
    if (place === 'path') address = address.replace(`{${name}}`, encodeURIComponent(text.toWellFormed()) || 'x');
    if (place === 'query') query.append(name, text);
    if (place === 'header' && /^[\x20-\x7e]*$/.test(text)) headers.set(name, text);
  }
  if (choices.chance(6)) query.append('extra', '1');
  if (choices.chance(6)) address = choices.chance(32) ? `${address}/x` : choices.pick(STRANGE_ADDRESSES);
  const verb = choices.chance(8) ? choices.pick(['HEAD', 'PATCH', 'OPTIONS', 'DELETE', 'PUT'] as const) : method;
  const hasBody = verb !== 'GET' && verb !== 'HEAD' && (verb === 'POST' || verb === 'PUT' || choices.chance(12));
  if (hasBody && !choices.chance(6)) headers.set('content-type', contentType(path, choices));
  const payload = hasBody ? chosenBody(body, choices, definitions) : undefined;
  const url = `http://localhost${address}${query.size > 0 ? `?${query.toString()}` : ''}`;
  const init = payload === undefined ? { method: verb, headers } : { method: verb, headers, body: payload };
  return { request: new Request(url, init), bodyBytes: payload?.length ?? 0 };
}

function chosenBody(
  schema: JsonSchema | undefined,
  choices: Choices,
  definitions: JsonDefinitions,
): Uint8Array<ArrayBuffer> {
  const value = schema === undefined ? choices.word() : chosenJson(schema, choices, definitions);
  if (choices.chance(2)) return new Uint8Array(MOST_BODY_BYTES + 1 + choices.below(9000)).fill(0x20);
  return Uint8Array.from(chosenJsonText(value, choices));
}

function contentType(path: string, choices: Choices): string {
  if (choices.chance(8))
    return choices.pick([
      'text/plain',
      'application/json; charset=utf-8',
      'multipart/form-data',
      'application/JSON',
    ] as const);
  return path.endsWith('/console') ? 'application/octet-stream' : 'application/json';
}
