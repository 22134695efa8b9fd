import { createRoute, z } from '@hono/zod-openapi';
import type { Manager } from '../../host/index.ts';
import { AuditPage, Health } from '../schemas/audit.ts';
import { FunctionName } from '../schemas/common.ts';
import { Survey } from '../schemas/survey.ts';
import { auditJson, surveyJson } from '../views.ts';
import { answers, defined, newRouter } from './route-parts.ts';

/** The manager gives so many at a time. */
const MAX_AUDIT_LIMIT = 1000;

const survey = createRoute({
  method: 'get',
  path: '/survey',
  tags: ['survey'],
  summary: 'Which functions can be lent, and why not the others',
  request: {
    query: z.strictObject({
      function: z
        .union([FunctionName.transform((name) => [name]), z.array(FunctionName)])
        .optional()
        .openapi({ type: 'array', items: { type: 'string' }, description: 'Only these; may be given often.' }),
    }),
  },
  responses: answers(Survey, 'In ascending order of address.'),
});

const audit = createRoute({
  method: 'get',
  path: '/audit',
  tags: ['audit'],
  summary: 'Who asked for what, when, and what became of it',
  request: {
    query: z.strictObject({
      limit: z.coerce.number().int().min(1).max(MAX_AUDIT_LIMIT).optional(),
      before: z.coerce.number().int().min(1).optional().openapi({ description: 'The `next` of an earlier page.' }),
    }),
  },
  responses: answers(AuditPage, 'Latest first.'),
});

const health = createRoute({
  method: 'get',
  path: '/health',
  tags: ['health'],
  summary: 'Whether the daemon and its journal answer',
  responses: answers(Health, 'They do.'),
});

/** What the daemon says of itself. */
export interface DaemonFacts {
  readonly version: string;
  readonly startedAt: Date;
}

export function reportRoutes(manager: Manager, facts: DaemonFacts) {
  return newRouter()
    .openapi(survey, async (context) => {
      const surveys = await manager.survey(context.req.valid('query').function);
      return context.json({ functions: surveys.map(surveyJson) }, 200);
    })
    .openapi(audit, (context) => {
      const { entries, next } = manager.audit(defined(context.req.valid('query')));
      return context.json({ entries: entries.map(auditJson), next: next ?? null }, 200);
    })
    .openapi(health, (context) => {
      // Reads the journal, so that its trouble is not hidden.
      manager.audit({ limit: 1 });
      const { revision } = manager.snapshot();
      return context.json(
        {
          status: 'ok' as const,
          version: facts.version,
          processId: process.pid,
          startedAt: facts.startedAt.toISOString(),
          revision,
        },
        200,
      );
    });
}
