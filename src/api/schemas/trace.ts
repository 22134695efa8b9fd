import { z } from '@hono/zod-openapi';

const Channel = z.object({
  relid: z.number().int(),
  instanceId: z.string().nullable().openapi({ description: 'null: an event flag names only the relid.' }),
  name: z.string().openapi({ description: 'What is lent through it; may be empty.', example: '0000:01:00.0' }),
});

/** What the trace stream carries: its data, by the name of the event. */
export const TraceEvent = z
  .discriminatedUnion('kind', [
    z.object({
      kind: z.literal('record'),
      sequence: z.number().int().openapi({ description: 'Grows by one from record to record.' }),
      time: z.string().openapi({ description: 'ISO 8601, UTC, with nanoseconds.' }),
      recordKind: z.enum(['hypercall', 'message', 'packet', 'channel', 'signal']),
      direction: z.enum(['none', 'guest-to-host', 'host-to-guest']),
      vp: z.number().int().nullable(),
      channel: Channel.nullable(),
      name: z.string().openapi({ description: 'Of the message.', example: 'QUERY_PROTOCOL_VERSION' }),
      fields: z.record(z.string(), z.unknown()).openapi({
        description: 'By their names in docs/vmbus.md and docs/vpci.md; 64-bit numbers and bytes are in hexadecimal.',
      }),
      note: z.string().nullable().openapi({ description: 'What there is to say besides: why, or what is not whole.' }),
      transactionId: z.string().nullable(),
      completionRequested: z.boolean(),
      status: z.string().nullable().openapi({ description: 'What a hypercall returned.', example: 'SUCCESS' }),
      payloadBytes: z.number().int(),
      bytes: z.string().openapi({ description: 'The record itself, base64: docs/trace.md has its layout.' }),
    }),
    z.object({
      kind: z.literal('lost'),
      count: z
        .number()
        .int()
        .openapi({ description: 'So many records before the next are gone: nobody read them in time.' }),
    }),
    z.object({
      kind: z.literal('ended'),
      sentence: z.string().openapi({ description: 'Why nothing more comes.' }),
    }),
  ])
  .openapi('TraceEvent');
export type TraceEventJson = z.input<typeof TraceEvent>;
