import { z } from '@hono/zod-openapi';
import { FunctionName, PoolName, Report, Revision, Time } from './common.ts';

const states = [
  'host',
  'dismounting',
  'pool',
  'mounting',
  'reshaping',
  'lending',
  'lent',
  'returning',
  'verifying',
  'quarantine',
] as const;

export const ManagedFunction = z
  .object({
    name: FunctionName,
    ids: z.string().openapi({ description: 'Vendor and device.', example: '1b36:0010' }),
    group: z.string().openapi({ description: 'Its IOMMU group.' }),
    physicalFunction: FunctionName.nullable().openapi({ description: 'Set for a virtual function.' }),
    resettable: z.enum(['yes', 'no', 'unknown']),
    present: z.boolean().openapi({ description: 'False: unplugged, and kept because it may come back.' }),
    state: z.enum(states).openapi({
      description:
        'Who has it. host: a driver of the host, or none. pool: dismounted, nobody has it. lent: a VM. quarantine: kept apart until somebody releases it. The others are on their way.',
    }),
    pool: z.string().nullable(),
    vm: z.string().nullable().openapi({ description: 'The VM that has it or may still reach it.' }),
    returnsTo: z.enum(['pool', 'host']).nullable().openapi({ description: 'Where a function on its way back goes.' }),
    returnPhase: z.enum(['asking', 'revoking', 'released', 'ending']).nullable().openapi({
      description:
        'asking: the guest has been asked. revoking: it is being taken. released: waits for the rest of its group. ending: the VM process is being ended.',
    }),
    quarantineReason: z.enum(['reset-failed', 'no-reset', 'held', 'stuck', 'not-dismounted']).nullable(),
    until: Time.nullable().openapi({ description: 'When what it waits for ends, whatever the VM does.' }),
    problem: z
      .union([Report, z.null()])
      .openapi({ description: 'What went wrong with it last, since its last request.' }),
  })
  .openapi('Function');
export type ManagedFunctionJson = z.input<typeof ManagedFunction>;

export const FunctionList = z
  .object({ revision: Revision, functions: z.array(ManagedFunction) })
  .openapi('FunctionList');

export const Outcome = z
  .object({
    functions: z.array(ManagedFunction).openapi({ description: 'Where they stand now.' }),
    warnings: z.array(z.string()).openapi({ description: 'Whole sentences.' }),
  })
  .openapi('Outcome');

/** One request moves so many functions at the most. */
const MAX_FUNCTIONS = 256;

export const DismountRequest = z
  .strictObject({
    functions: z.array(FunctionName).min(1).max(MAX_FUNCTIONS),
    pool: PoolName.optional().openapi({ description: 'Where they go; default: `default`.' }),
    force: z.boolean().optional().openapi({ description: 'Take them even from a host that uses them.' }),
  })
  .openapi('DismountRequest');

export const MountRequest = z
  .strictObject({ functions: z.array(FunctionName).min(1).max(MAX_FUNCTIONS) })
  .openapi('MountRequest');

export const ReleaseRequest = z
  .strictObject({ force: z.boolean().optional().openapi({ description: 'Without a reset.' }) })
  .openapi('ReleaseRequest');

/** Linux include/uapi/linux/pci_regs.h: NumVFs has 16 bits. */
const MAX_VIRTUAL_FUNCTIONS = 65_535;
/** NVM Express Base Specification, Virtualization Management: the number of resources has 16 bits. */
const MAX_RESOURCES = 65_535;

/** What NIC drivers take, and what NVMe controllers assign; `vlan` as in IEEE 802.1Q, 0: none. */
const VirtualFunctionSettings = z
  .strictObject({
    mac: z
      .string()
      .regex(/^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/, 'It is six hexadecimal bytes, such as 02:00:00:00:00:01.')
      .optional(),
    vlan: z.number().int().min(0).max(4094).optional(),
    trust: z.boolean().optional(),
    queues: z
      .number()
      .int()
      .min(2)
      .max(MAX_RESOURCES)
      .optional()
      .openapi({ description: 'NVMe: queue pairs, the admin pair included; default: an even share.' }),
    interrupts: z
      .number()
      .int()
      .min(1)
      .max(MAX_RESOURCES)
      .optional()
      .openapi({ description: 'NVMe: interrupts; default: an even share.' }),
  })
  .openapi('VirtualFunctionSettings');

export const VirtualFunctionsRequest = z
  .strictObject({
    count: z.number().int().min(1).max(MAX_VIRTUAL_FUNCTIONS),
    settings: z.array(VirtualFunctionSettings).max(MAX_FUNCTIONS).optional().openapi({ description: 'By index.' }),
    drivenBy: z
      .enum(['host', 'nobody'])
      .optional()
      .openapi({ description: "Whether the host's drivers get them; default: host." }),
  })
  .openapi('VirtualFunctionsRequest');
