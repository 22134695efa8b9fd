import { z } from '@hono/zod-openapi';

/** A day: what a deadline may be at the most. */
export const MAX_DEADLINE_MS = 86_400_000;

export const FunctionName = z
  .string()
  .regex(
    /^[0-9a-f]{4,8}:[0-9a-f]{2}:[01][0-9a-f]\.[0-7]$/,
    'It is a PCI address with its domain, such as 0000:01:00.0.',
  )
  .openapi({ description: 'A PCI function by its address.', example: '0000:01:00.0' });

export const VmName = z
  .string()
  .regex(/^[a-z0-9-]{1,32}$/, 'It is 1 to 32 characters, each a-z, 0-9 or -.')
  .openapi({ description: 'A VM by its name.', example: 'web' });

export const PoolName = z
  .string()
  .regex(/^[a-z0-9-]{1,32}$/, 'It is 1 to 32 characters, each a-z, 0-9 or -.')
  .openapi({ description: 'A pool by its name.', example: 'fast' });

export const Time = z.string().openapi({ description: 'ISO 8601, UTC.', example: '2026-01-02T03:04:05.000Z' });

export const Revision = z
  .number()
  .int()
  .openapi({ description: 'Grows by one with each change of anything; events carry the same numbers.' });

/** What went wrong, by the same code as everywhere: docs/errors.md has them all. */
export const Report = z
  .object({
    code: z.string(),
    message: z.string(),
    asked: z.string().optional(),
    obstacle: z.string().optional(),
    remedy: z.string().optional(),
    details: z.unknown().optional(),
  })
  .openapi('Report');
