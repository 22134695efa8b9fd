import { z } from '@hono/zod-openapi';
import { ManagedFunction } from './functions.ts';
import { Revision, Time } from './common.ts';
import { Vm } from './vms.ts';

export const AuditEntry = z
  .object({
    id: z.number().int(),
    at: Time,
    by: z.object({ userId: z.number().int(), processId: z.number().int(), command: z.string() }),
    what: z.string().openapi({ example: 'dismount' }),
    target: z.record(z.string(), z.unknown()).openapi({ description: 'What it was about: the request.' }),
    outcome: z.enum(['pending', 'done', 'refused', 'failed']),
    code: z.string().nullable().openapi({ description: "The refusal's code." }),
    tookMs: z.number().nullable(),
  })
  .openapi('AuditEntry');
export type AuditEntryJson = z.input<typeof AuditEntry>;

export const AuditPage = z
  .object({
    entries: z.array(AuditEntry).openapi({ description: 'Latest first.' }),
    next: z
      .number()
      .int()
      .nullable()
      .openapi({ description: 'Give this as `before` for the next page; null: no more.' }),
  })
  .openapi('AuditPage');

const changed = { revision: Revision, at: Time };

/** What the events stream carries: its data, by the name of the event. */
export const Event = z
  .discriminatedUnion('kind', [
    z.object({ ...changed, kind: z.literal('function-changed'), function: ManagedFunction }),
    z.object({ ...changed, kind: z.literal('function-removed'), name: z.string() }),
    z.object({ ...changed, kind: z.literal('vm-changed'), vm: Vm }),
    z.object({
      ...changed,
      kind: z.literal('vm-removed'),
      name: z.string(),
      exitCode: z.number().int().nullable(),
      guestEnd: z
        .object({
          how: z.string().openapi({
            description: 'power-off, reset, panic, triple-fault, kvm-failure, stopped, or failed.',
            example: 'power-off',
          }),
          detail: z.string(),
        })
        .nullable()
        .openapi({ description: 'How its guest ended, in the words of its process; null: that ended without a word.' }),
    }),
    z.object({ ...changed, kind: z.literal('pools-changed'), pools: z.array(z.string()) }),
    z.object({ ...changed, kind: z.literal('audit'), entry: AuditEntry }),
    z
      .object({ ...changed, kind: z.literal('lost') })
      .openapi({ description: 'Events before this revision are gone: read everything anew.' }),
  ])
  .openapi('Event');
export type EventJson = z.input<typeof Event>;

export const Health = z
  .object({
    status: z.literal('ok'),
    version: z.string(),
    processId: z.number().int(),
    startedAt: Time,
    revision: Revision,
  })
  .openapi('Health');
