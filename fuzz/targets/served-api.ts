import { createApp } from '../../src/api/app.ts';
import { EventLog } from '../../src/api/events/event-log.ts';
import { StreamSlots } from '../../src/api/events/stream-slots.ts';
import { Metrics } from '../../src/api/metrics.ts';
import { openApiInfo } from '../../src/api/openapi.ts';
import { poolFunction, ScriptedManager } from '../../src/api/testing/index.ts';
import type { JsonDefinitions, JsonSchema } from './chosen-json.ts';

const CALLER = { userId: 0, processId: 1, command: 'fuzz' };

export interface ApiParameter {
  readonly name: string;
  readonly in: string;
  readonly schema?: JsonSchema;
}

/** One thing that the API's own document says can be asked. */
export interface ApiOperation {
  readonly method: string;
  readonly path: string;
  readonly parameters: readonly ApiParameter[];
  readonly body: JsonSchema | undefined;
}

/** The API's document as it is served: paths, and in each the methods. */
interface OpenApi {
  readonly paths?: Readonly<Record<string, Readonly<Record<string, OperationText>>>>;
  readonly components?: { readonly schemas?: JsonDefinitions };
}

interface OperationText {
  readonly parameters?: readonly ApiParameter[];
  readonly requestBody?: { readonly content?: Readonly<Record<string, { readonly schema?: JsonSchema }>> };
}

/** The application in this process, over a manager that does as it is told. To make it takes longer than a thousand requests. */
export class ServedApi {
  readonly manager = new ScriptedManager();
  readonly slots = new StreamSlots();
  /** What the application reported as refused or failed, since a request began. */
  failures: unknown[] = [];
  readonly operations: readonly ApiOperation[];
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

  /** The manager has what it has at the beginning. */
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
