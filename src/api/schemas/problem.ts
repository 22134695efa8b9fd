import { z } from '@hono/zod-openapi';

/** RFC 9457, with this project's own members besides. */
export const Problem = z
  .object({
    type: z.string().openapi({ description: 'Names the kind of problem.', example: 'urn:dda:problem:already-lent' }),
    title: z.string().openapi({ description: 'When it comes, the same for every problem of this code.' }),
    status: z.number().int(),
    detail: z.string().openapi({ description: 'What was asked, what stood in the way, and what to do now.' }),
    code: z.string().openapi({ description: 'Stays the same over versions.', example: 'already-lent' }),
    asked: z.string().optional(),
    obstacle: z.string().optional(),
    remedy: z.string().optional(),
    details: z.unknown().optional().openapi({ description: 'The same facts for programs.' }),
    fields: z
      .array(z.object({ field: z.string(), problem: z.string() }))
      .optional()
      .openapi({ description: 'The fields that can not be accepted, with where they were in the request.' }),
    errors: z
      .array(z.object({ code: z.string(), message: z.string() }))
      .optional()
      .openapi({ description: 'When several things failed: each of them.' }),
  })
  .openapi('Problem');
export type Problem = z.infer<typeof Problem>;
