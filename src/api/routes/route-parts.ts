import { type z, OpenAPIHono } from '@hono/zod-openapi';
import type { Env } from '../env.ts';
import { PROBLEM_MEDIA_TYPE } from '../problem/problem.ts';
import { refuseInvalid } from '../problem/request-problems.ts';
import { Problem } from '../schemas/problem.ts';

export function newRouter(): OpenAPIHono<Env> {
  return new OpenAPIHono<Env>({ defaultHook: refuseInvalid });
}

/** A JSON answer, and beside it the problem details of whatever can go wrong. */
export function answers<Schema extends z.ZodType>(
  schema: Schema,
  description: string,
): {
  200: { description: string; content: { 'application/json': { schema: Schema } } };
  default: typeof problemAnswer;
} {
  return { 200: { description, content: { 'application/json': { schema } } }, default: problemAnswer };
}

export const problemAnswer = {
  description: 'It was refused, or it failed: RFC 9457 problem details.',
  content: { [PROBLEM_MEDIA_TYPE]: { schema: Problem } },
};

export const noContent = { 204: { description: 'Done.' }, default: problemAnswer } as const;

export function jsonBody<Schema extends z.ZodType>(
  schema: Schema,
): { body: { required: true; content: { 'application/json': { schema: Schema } } } } {
  return { body: { required: true, content: { 'application/json': { schema } } } };
}

type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> };

/** Without the keys that are there but undefined, so that "not given" has one form only. */
export function defined<T extends object>(value: T): Defined<T> {
  return Object.fromEntries(Object.entries(value).filter(([, part]) => part !== undefined)) as Defined<T>;
}
