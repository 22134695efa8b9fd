import { createRoute, z } from '@hono/zod-openapi';
import { HostError } from '../../host/index.ts';
import type { ManagedVm, Manager } from '../../host/index.ts';
import { FunctionName, MAX_DEADLINE_MS, VmName } from '../schemas/common.ts';
import { ManagedFunction, Outcome } from '../schemas/functions.ts';
import { AddRequest, CreateVmRequest, StopVmRequest, Vm, VmCounters, VmList } from '../schemas/vms.ts';
import { functionJson, vmJson } from '../views.ts';
import { outcomeJson } from './outcome.ts';
import { answers, defined, jsonBody, newRouter } from './route-parts.ts';

const params = z.object({ vm: VmName });
const tags = ['vms'];

const list = createRoute({
  method: 'get',
  path: '/vms',
  tags,
  summary: 'Every VM, and what it has',
  responses: answers(VmList, 'All of them.'),
});

const create = createRoute({
  method: 'post',
  path: '/vms',
  tags,
  summary: 'Starts a VM',
  description: 'Files are opened by the daemon; the process of the VM gets descriptors only.',
  request: jsonBody(CreateVmRequest),
  responses: answers(Vm, 'Its process runs.'),
});

const get = createRoute({
  method: 'get',
  path: '/vms/{vm}',
  tags,
  summary: 'One VM',
  request: { params },
  responses: answers(Vm, 'As it is now.'),
});

const counters = createRoute({
  method: 'get',
  path: '/vms/{vm}/counters',
  tags,
  summary: 'What the process of a VM counts',
  request: { params },
  responses: answers(VmCounters, 'Its own word, as it is now.'),
});

const stop = createRoute({
  method: 'post',
  path: '/vms/{vm}/stop',
  tags,
  summary: 'Ends a VM, and gets back what it has',
  request: { params, ...jsonBody(StopVmRequest) },
  responses: answers(Outcome, 'Its process has ended, and its functions are home.'),
});

const add = createRoute({
  method: 'post',
  path: '/vms/{vm}/loans',
  tags: ['loans'],
  summary: 'Lends a function to a VM',
  description: 'One by its name, or any that is free in a pool.',
  request: { params, ...jsonBody(AddRequest) },
  responses: answers(ManagedFunction, 'The guest has it.'),
});

const remove = createRoute({
  method: 'delete',
  path: '/vms/{vm}/loans/{function}',
  tags: ['loans'],
  summary: 'Gets a function back from a VM',
  description:
    'Asks the guest; at the deadline takes it whatever the guest does, and ends the VM process if that does not let go.',
  request: {
    params: params.extend({ function: FunctionName }),
    query: z.strictObject({
      deadlineMs: z.coerce
        .number()
        .int()
        .min(0)
        .max(MAX_DEADLINE_MS)
        .optional()
        .openapi({ description: 'How long the guest has; 0: it is not asked. Default: 60,000.' }),
      to: z.enum(['pool', 'host']).optional().openapi({ description: 'Where it goes; default: pool.' }),
    }),
  },
  responses: answers(ManagedFunction, 'It is home: in the pool, at the host, or in quarantine.'),
});

export function vmRoutes(manager: Manager) {
  return newRouter()
    .openapi(list, (context) => context.json({ vms: manager.snapshot().vms.map(vmJson) }, 200))
    .openapi(create, async (context) => {
      const { name, spec } = context.req.valid('json');
      return context.json(vmJson(await manager.createVm({ name, spec: defined(spec) }, context.env.caller)), 200);
    })
    .openapi(get, (context) => context.json(vmJson(vmNamed(manager, context.req.valid('param').vm)), 200))
    .openapi(counters, async (context) => context.json(await manager.vmCounters(context.req.valid('param').vm), 200))
    .openapi(stop, async (context) => {
      const request = { name: context.req.valid('param').vm, ...defined(context.req.valid('json')) };
      return context.json(outcomeJson(await manager.stopVm(request, context.env.caller)), 200);
    })
    .openapi(add, async (context) => {
      const wanted = context.req.valid('json');
      const request = {
        vm: context.req.valid('param').vm,
        function: 'function' in wanted ? wanted.function : defined(wanted),
      };
      return context.json(functionJson(await manager.add(request, context.env.caller)), 200);
    })
    .openapi(remove, async (context) => {
      const request = { ...context.req.valid('param'), ...defined(context.req.valid('query')) };
      return context.json(functionJson(await manager.remove(request, context.env.caller)), 200);
    });
}

function vmNamed(manager: Manager, name: string): ManagedVm {
  const found = manager.snapshot().vms.find((vm) => vm.name === name);
  if (found !== undefined) return found;
  throw new HostError('no-such-vm', {
    asked: `show VM ${name}`,
    obstacle: 'no VM of that name runs.',
    remedy: 'See which ones do with: dda vm list',
    details: { vm: name },
  });
}
