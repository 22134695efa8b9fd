import { z } from '@hono/zod-openapi';
import { FunctionName } from './common.ts';

const SurveyedFunction = z
  .object({
    name: FunctionName,
    locationPath: z.string().openapi({ example: 'PCIROOT(0)#PCI(0100)#PCI(0000)' }),
    product: z.string().openapi({ example: 'NVMe controller: Red Hat, Inc. QEMU NVM Express Controller' }),
    driver: z.string().nullable(),
    iommuGroup: z.number().int().nullable(),
    numaNode: z.number().int().nullable(),
    resetMethods: z.array(z.string()).nullable().openapi({ description: 'null: the kernel does not say.' }),
    totalVirtualFunctions: z.number().int().openapi({ description: '0: no physical function of SR-IOV.' }),
    virtualFunctions: z.array(z.string()),
    physicalFunction: z.string().nullable(),
    verdict: z.enum(['assignable', 'assignable with risk', 'not assignable']),
    reasons: z
      .array(
        z.object({
          code: z.string().openapi({ example: 'in-use' }),
          weight: z.enum(['blocks', 'risk', 'note']),
          sentence: z.string(),
          remedy: z.string().nullable(),
        }),
      )
      .openapi({ description: 'Heaviest first.' }),
  })
  .openapi('SurveyedFunction');

export const Survey = z.object({ functions: z.array(SurveyedFunction) }).openapi('Survey');
export type SurveyedFunctionJson = z.input<typeof SurveyedFunction>;
