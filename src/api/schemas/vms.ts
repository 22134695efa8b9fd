import { z } from '@hono/zod-openapi';
import { FunctionName, PoolName, Time, VmName } from './common.ts';

const MAX_PATH = 4096;
const MAX_DISKS = 64;
const AbsolutePath = z
  .string()
  .max(MAX_PATH)
  .regex(/^\/[^\0]*$/, 'It is an absolute path.');

export const VmSpec = z
  .strictObject({
    memoryBytes: z.number().int().positive(),
    cpuCount: z.number().int().min(1),
    kernel: AbsolutePath.openapi({ description: 'A bzImage or vmlinux on the host.' }),
    initramfs: AbsolutePath.optional(),
    commandLine: z.string().max(MAX_PATH),
    disks: z
      .array(
        z.strictObject({
          path: AbsolutePath,
          readOnly: z.boolean(),
          virtualFunctions: z.number().int().min(1).max(16).optional().openapi({
            description: 'So many functions with the same blocks, `disk0.1`, `disk0.2`, …, in place of one.',
          }),
        }),
      )
      .max(MAX_DISKS)
      .optional()
      .openapi({
        description: 'Files of the host that are NVMe disks of the guest, `disk0`, `disk1`, …, until the VM ends.',
      }),
    highWindowBytes: z.array(z.number().int().positive()).max(16).optional().openapi({
      description: 'Sizes of the window for BARs above 4 GiB: the first that the guest has addresses for.',
    }),
  })
  .openapi('VmSpec');

export const CreateVmRequest = z.strictObject({ name: VmName, spec: VmSpec }).openapi('CreateVmRequest');

export const Vm = z
  .object({
    name: VmName,
    phase: z.enum(['starting', 'running', 'stopping', 'killing', 'unkillable']),
    spec: VmSpec,
    processId: z.number().int().nullable(),
    functions: z.array(FunctionName),
    createdAt: Time,
    guestOs: z.string().nullable().openapi({ description: "What the guest's kernel calls itself." }),
    crash: z.unknown().openapi({ description: "The guest's own report when its kernel panicked; null: it did not." }),
  })
  .openapi('Vm');
export type VmJson = z.input<typeof Vm>;

export const VmCounters = z
  .object({
    exits: z
      .number()
      .int()
      .min(0)
      .openapi({ description: 'How often KVM_RUN has returned to user space, all vCPUs, since the VM started.' }),
  })
  .openapi('VmCounters');

export const VmList = z.object({ vms: z.array(Vm) }).openapi('VmList');

export const StopVmRequest = z
  .strictObject({ force: z.boolean().optional().openapi({ description: 'Kill its process at once.' }) })
  .openapi('StopVmRequest');

/** By name, or any that is free. */
export const AddRequest = z
  .union([
    z.strictObject({ function: FunctionName }),
    z.strictObject({
      pool: PoolName,
      class: z
        .string()
        .regex(/^[0-9a-f]{2}(?:[0-9a-f]{2}){0,2}$/, 'It is 2, 4 or 6 digits of a PCI class code, such as 0108.')
        .optional()
        .openapi({ description: 'The first digits of the PCI class code.', example: '0108' }),
    }),
  ])
  .openapi('AddRequest');

export const Pools = z.object({ pools: z.array(z.string()) }).openapi('Pools');
export const CreatePoolRequest = z.strictObject({ name: PoolName }).openapi('CreatePoolRequest');
