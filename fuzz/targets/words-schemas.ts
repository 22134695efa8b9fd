import * as z from 'zod';
import { vmEvents, vmRequests, vmResults } from '../../src/vm/process/protocol.ts';
import type { JsonSchema } from './chosen-json.ts';

function schemasOf(group: Readonly<Record<string, z.ZodType>>): JsonSchema[] {
  return Object.values(group).map(
    (schema) => z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonSchema,
  );
}

/** What a manager may ask. */
export const REQUESTS: readonly JsonSchema[] = schemasOf(vmRequests);
/** What may be answered. */
export const RESULTS: readonly JsonSchema[] = schemasOf(vmResults);
/** What a VM process may say: events, and answers of both kinds. */
export const FROM_VM: readonly JsonSchema[] = [
  ...schemasOf(vmEvents),
  {
    type: 'object',
    properties: { reply: { type: 'integer', minimum: 1 }, ok: { const: true }, result: {} },
    required: ['reply', 'ok', 'result'],
  },
  {
    type: 'object',
    properties: {
      reply: { type: 'integer', minimum: 1 },
      ok: { const: false },
      error: {
        type: 'object',
        properties: { code: { type: 'string' }, message: { type: 'string' } },
        required: ['code', 'message'],
      },
    },
    required: ['reply', 'ok', 'error'],
  },
];
