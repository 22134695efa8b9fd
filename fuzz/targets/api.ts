import { HostError, hostErrorKinds, type HostErrorCode } from '../../src/host/index.ts';
import { createApp } from '../../src/api/app.ts';
import { ApiError } from '../../src/api/errors.ts';
import { EventLog } from '../../src/api/events/event-log.ts';
import { StreamSlots } from '../../src/api/events/stream-slots.ts';
import { Metrics } from '../../src/api/metrics.ts';
import { openApiInfo } from '../../src/api/openapi.ts';
import { PROBLEM_MEDIA_TYPE } from '../../src/api/problem/problem.ts';
import { statusOf } from '../../src/api/problem/status.ts';
import { Problem } from '../../src/api/schemas/problem.ts';
import { poolFunction, ScriptedManager } from '../../src/api/testing/index.ts';
import type { Choices } from '../engine/choices.ts';
import type { Probe } from '../engine/probe.ts';
import type { Run, Target } from '../engine/target.ts';
import { chosenJson, chosenJsonText, type JsonDefinitions, type JsonSchema } from './chosen-json.ts';

const FUNCTION = /^[0-9a-f]{4,8}:[0-9a-f]{2}:[01][0-9a-f]\.[0-7]$/;
const NAME = /^[a-z0-9-]{1,32}$/;
const CODES = Object.keys(hostErrorKinds) as HostErrorCode[];
const CALLER = { userId: 0, processId: 1, command: 'fuzz' };
const MOST_ANSWER_BYTES = 512 * 1024;
const MOST_BODY_BYTES = 64 * 1024;
/** What may come of a larger body: it is too large, or nobody looked at it. */
const NOT_READ: readonly number[] = [404, 405, 413, 415, 422];

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly schema?: JsonSchema;
}

/** One thing that the API's own document says can be asked. */
interface Operation {
  readonly method: string;
  readonly path: string;
  readonly parameters: readonly Parameter[];
  readonly body: JsonSchema | undefined;
}

/** The API's document as it is served: paths, and in each the methods. */
interface OpenApi {
  readonly paths?: Readonly<Record<string, Readonly<Record<string, OperationText>>>>;
  readonly components?: { readonly schemas?: JsonDefinitions };
}

interface OperationText {
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content?: Readonly<Record<string, { readonly schema?: JsonSchema }>> };
}

/** The application, made once: to make it takes longer than a thousand requests. */
class ServedApi {
  readonly manager = new ScriptedManager();
  readonly slots = new StreamSlots();
  /** What the application reported as refused or failed, since a request began. */
  failures: unknown[] = [];
  readonly operations: readonly Operation[];
  readonly definitions: JsonDefinitions;
  readonly #app: ReturnType<typeof createApp>;

  constructor() {
    const { manager, slots } = this;
    this.#app = createApp({
      manager,
      facts: { version: '1.2.3', startedAt: new Date(0) },
      log: new EventLog(0, 100),
      run: 'run1',
      slots,
      metrics: new Metrics(manager, slots),
      failed: (_asked, error) => this.failures.push(error),
    });
    const document = this.#app.getOpenAPI31Document(openApiInfo('1.2.3')) as unknown as OpenApi;
    this.definitions = document.components?.schemas ?? {};
    this.operations = Object.entries(document.paths ?? {}).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, { parameters = [], requestBody }]) => ({
        method: method.toUpperCase(),
        path,
        parameters,
        body: requestBody?.content?.['application/json']?.schema,
      })),
    );
  }

  renew(): void {
    const { manager } = this;
    manager.functions = [poolFunction('0000:01:00.0')];
    manager.vms = [];
    manager.pools = ['default'];
    manager.refusal = undefined;
    manager.asked.length = 0;
    this.failures = [];
  }

  fetch(request: Request): Promise<Response> {
    return Promise.resolve(this.#app.fetch(request, { caller: CALLER }));
  }
}

let shared: ServedApi | undefined;

/** The HTTP API in this process, asked what its own document says can be asked, and what it doesn't. */
export const api: Target = {
  name: 'api',
  title: 'HTTP requests by the OpenAPI document: paths, queries, headers, bodies; and a manager that refuses',
  setupBytes: 2,
  operationBytes: 128,
  mostOperations: 24,
  workLimit: 2000,
  mostBetweenLooks: 4000,
  begin: (_setup, probe) => {
    shared ??= new ServedApi();
    shared.renew();
    return new ApiRun(shared, probe);
  },
};

class ApiRun implements Run {
  readonly #served: ServedApi;
  readonly #probe: Probe;
  #bodyBytes = 0;

  constructor(served: ServedApi, probe: Probe) {
    this.#served = served;
    this.#probe = probe;
  }

  async operate(choices: Choices): Promise<void> {
    const { manager } = this.#served;
    const operation = choices.pick(this.#served.operations);
    if (operation === undefined) return this.#probe.fail('the document of the API names nothing');
    manager.refusal = this.#refusal(choices);
    manager.asked.length = 0;
    this.#served.failures = [];
    const request = this.#request(operation, choices);
    if (request === undefined) return;
    const response = await this.#served.fetch(request);
    await this.#judge(response, request);
  }

  async finish(): Promise<void> {
    this.#served.renew();
    const response = await this.#served.fetch(new Request('http://localhost/v1/health'));
    this.#probe.check(response.status === 200, () => `after all that the API answers ${response.status}`);
    await response.body?.cancel();
    this.#probe.check(this.#served.slots.open === 0, () => `${this.#served.slots.open} streams are left open`);
  }

  /** Mostly nothing; or what a manager may say; or what it may not, which must not get out as it is. */
  #refusal(choices: Choices): Error | undefined {
    if (!choices.chance(32)) return undefined;
    if (choices.chance(24)) return new TypeError("Cannot read properties of undefined (reading 'x')");
    const code = choices.pick(CODES) ?? 'no-such-function';
    return new HostError(code, {
      asked: 'do it',
      obstacle: 'it can not be.',
      remedy: 'Do something else.',
      details: { a: [1] },
    });
  }

  #request({ method, path, parameters, body }: Operation, choices: Choices): Request | undefined {
    const { definitions } = this.#served;
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
    if (choices.chance(6))
      address = choices.pick([
        '/v1',
        '/',
        '/v1/functions/%ff',
        '/v1//vms',
        '/metrics',
        '/openapi.json',
        `${address}/x`,
      ] as const);
    const verb = choices.chance(6) ? choices.pick(['PATCH', 'HEAD', 'OPTIONS', 'DELETE', 'PUT'] as const) : method;
    const hasBody = verb !== 'GET' && verb !== 'HEAD' && (verb === 'POST' || verb === 'PUT' || choices.chance(12));
    if (hasBody && !choices.chance(6)) headers.set('content-type', contentType(path, choices));
    const payload = hasBody ? this.#body(body, choices) : undefined;
    this.#bodyBytes = payload?.length ?? 0;
    const url = `http://localhost${address}${query.size > 0 ? `?${query.toString()}` : ''}`;
    return new Request(
      url,
      payload === undefined ? { method: verb, headers } : { method: verb, headers, body: payload },
    );
  }

  #body(schema: JsonSchema | undefined, choices: Choices): Uint8Array<ArrayBuffer> {
    const value = schema === undefined ? choices.word() : chosenJson(schema, choices, this.#served.definitions);
    if (choices.chance(2)) return new Uint8Array(MOST_BODY_BYTES + 1 + choices.below(9000)).fill(0x20);
    return Uint8Array.from(chosenJsonText(value, choices));
  }

  async #judge(response: Response, request: Request): Promise<void> {
    const { manager, failures } = this.#served;
    const probe = this.#probe;
    const asked = `${request.method} ${new URL(request.url).pathname}`;
    const type = response.headers.get('content-type') ?? '';
    probe.note(1, response.status);
    probe.check(
      this.#bodyBytes <= MOST_BODY_BYTES || NOT_READ.includes(response.status),
      () => `a body of ${this.#bodyBytes} bytes was read`,
    );
    if (type === 'text/event-stream' || (response.ok && type === 'application/octet-stream')) {
      // Another VM ends, then this one may.
      for (const name of ['other', 'web']) manager.emit({ kind: 'vm-removed', name, exitCode: 0, guestEnd: undefined });
      await response.body?.cancel();
      return;
    }
    const text = await response.text();
    probe.check(text.length <= MOST_ANSWER_BYTES, () => `${text.length} characters in answer to ${asked}`);
    if (response.ok) {
      for (const { request: taken } of manager.asked) this.#isSound(taken);
      return probe.check(failures.length === 0, () => `${asked} was answered well, and reported as failed`);
    }
    probe.check(manager.asked.length <= 1, () => `${asked} made ${manager.asked.length} requests of the manager`);
    probe.check(type === PROBLEM_MEDIA_TYPE, () => `${asked} is refused as '${type}'`);
    if (request.method === 'HEAD') return;
    const problem = Problem.safeParse(JSON.parse(text));
    if (!problem.success) return probe.fail(`${asked} is refused with what is no problem: ${text.slice(0, 200)}`);
    const { code, status } = problem.data;
    probe.note(2, code.length * 8 + Math.floor(status / 100));
    probe.check(status === response.status && status === statusOf(code), () => `${code} came with ${response.status}`);
    for (const failure of failures) {
      const planned = failure instanceof ApiError || failure instanceof HostError || failure === manager.refusal;
      if (!planned) throw failure instanceof Error ? failure : new Error(String(failure));
    }
    const isOurs = manager.refusal !== undefined;
    probe.check(
      isOurs || status < 500 || code === 'daemon-busy',
      () => `${asked} failed with ${code} though the manager does all that it is asked`,
    );
  }

  /** What got to the manager is what the schemas take. */
  #isSound(taken: unknown): void {
    if (typeof taken !== 'object' || taken === null) return;
    for (const [name, value] of Object.entries(taken)) {
      const values = Array.isArray(value) ? value : [value];
      for (const each of values) {
        if (typeof each !== 'string') continue;
        const isFunction = name === 'functions' || name === 'physicalFunction' || name === 'function';
        this.#probe.check(!isFunction || FUNCTION.test(each), () => `the manager was asked for the function '${each}'`);
        const isName = name === 'vm' || name === 'pool' || name === 'name';
        this.#probe.check(!isName || NAME.test(each), () => `the manager was asked for '${each}'`);
      }
      if (name === 'deadlineMs')
        this.#probe.check(Number.isInteger(value) && Number(value) >= 0, () => `a deadline of ${String(value)}`);
    }
  }
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
