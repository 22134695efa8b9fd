import { HostError, hostErrorKinds, type HostErrorCode } from '../../src/host/index.ts';
import { ApiError } from '../../src/api/errors.ts';
import { PROBLEM_MEDIA_TYPE } from '../../src/api/problem/problem.ts';
import { statusOf } from '../../src/api/problem/status.ts';
import { Problem } from '../../src/api/schemas/problem.ts';
import { ServedApi } from './served-api.ts';
import type { Choices } from '../engine/choices.ts';
import type { Probe } from '../engine/probe.ts';
import type { Run, Target } from '../engine/target.ts';
import { type ChosenRequest, chosenRequest, MOST_BODY_BYTES } from './api-request.ts';

const FUNCTION = /^[0-9a-f]{4,8}:[0-9a-f]{2}:[01][0-9a-f]\.[0-7]$/;
const NAME = /^[a-z0-9-]{1,32}$/;
const CODES = Object.keys(hostErrorKinds) as HostErrorCode[];
const MOST_ANSWER_BYTES = 512 * 1024;
/** What may come of a larger body: it is too large, or nobody looked at it. */
const NOT_READ: readonly number[] = [404, 405, 413, 415, 422];

/** Made once. Thrown away when something of one run is left in it, which must not be taken for the next one's. */
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

  constructor(served: ServedApi, probe: Probe) {
    this.#served = served;
    this.#probe = probe;
  }

  async operate(choices: Choices): Promise<void> {
    const { manager, operations, definitions } = this.#served;
    const operation = choices.pick(operations);
    if (operation === undefined) return this.#probe.fail('the document of the API names nothing');
    manager.refusal = this.#refusal(choices);
    manager.asked.length = 0;
    this.#served.failures = [];
    const chosen = chosenRequest(operation, choices, definitions);
    await this.#judge(await this.#served.fetch(chosen.request), chosen);
    this.#checkStreams();
  }

  async finish(): Promise<void> {
    this.#served.renew();
    const response = await this.#served.fetch(new Request('http://localhost/v1/health'));
    this.#probe.check(response.status === 200, () => `after all that the API answers ${response.status}`);
    await response.body?.cancel();
    this.#checkStreams();
  }

  /** Whoever asked has gone away. */
  #checkStreams(): void {
    const { open } = this.#served.slots;
    if (open === 0) return;
    shared = undefined;
    this.#probe.fail(`${open} streams are left open`);
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

  async #judge(response: Response, { request, bodyBytes }: ChosenRequest): Promise<void> {
    const { manager, failures } = this.#served;
    const probe = this.#probe;
    const asked = `${request.method} ${new URL(request.url).pathname}`;
    const type = response.headers.get('content-type') ?? '';
    probe.note(1, response.status);
    probe.check(
      bodyBytes <= MOST_BODY_BYTES || NOT_READ.includes(response.status),
      () => `a body of ${bodyBytes} bytes was read`,
    );
    if (type === 'text/event-stream' || (response.ok && type === 'application/octet-stream')) {
      // Something else changes, another VM ends, then this one may.
      manager.emit({ kind: 'pools-changed', pools: [] });
      const guestEnd = request.headers.has('last-event-id')
        ? undefined
        : { how: 'reset', detail: 'the guest has reset itself' };
      for (const name of ['other', 'web', 'db']) manager.emit({ kind: 'vm-removed', name, exitCode: 0, guestEnd });
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
