import { createRoute, z } from '@hono/zod-openapi';
import { HostError } from '../../host/index.ts';
import type { Manager } from '../../host/index.ts';
import { FunctionName } from '../schemas/common.ts';
import {
  DismountRequest,
  FunctionList,
  ManagedFunction,
  MountRequest,
  Outcome,
  ReleaseRequest,
  VirtualFunctionsRequest,
} from '../schemas/functions.ts';
import { functionJson } from '../views.ts';
import { outcomeJson } from './outcome.ts';
import { answers, defined, jsonBody, newRouter } from './route-parts.ts';

const params = z.object({ function: FunctionName });
const tags = ['functions'];

const list = createRoute({
  method: 'get',
  path: '/functions',
  tags,
  summary: 'Every function, and who has it',
  responses: answers(FunctionList, 'In ascending order of address.'),
});

const get = createRoute({
  method: 'get',
  path: '/functions/{function}',
  tags,
  summary: 'One function',
  request: { params },
  responses: answers(ManagedFunction, 'As it is now.'),
});

const dismount = createRoute({
  method: 'post',
  path: '/dismount',
  tags,
  summary: "From the host's drivers into a pool",
  description: 'All of them or none, with all of their IOMMU groups. What is dismounted stays so, over a restart too.',
  request: jsonBody(DismountRequest),
  responses: answers(Outcome, 'All of them are in the pool.'),
});

const mount = createRoute({
  method: 'post',
  path: '/mount',
  tags,
  summary: "From the pool to the host's drivers",
  request: jsonBody(MountRequest),
  responses: answers(Outcome, 'All of them are at the host.'),
});

const createVirtual = createRoute({
  method: 'put',
  path: '/functions/{function}/virtual-functions',
  tags: ['virtual functions'],
  summary: 'Replaces the virtual functions of a physical one',
  description: 'They belong to the host until they are dismounted. Refused while one of the old ones is not.',
  request: { params, ...jsonBody(VirtualFunctionsRequest) },
  responses: answers(Outcome, 'They are there.'),
});

const removeVirtual = createRoute({
  method: 'delete',
  path: '/functions/{function}/virtual-functions',
  tags: ['virtual functions'],
  summary: 'Removes the virtual functions of a physical one',
  request: { params },
  responses: answers(Outcome, 'They are gone.'),
});

const quarantined = createRoute({
  method: 'get',
  path: '/quarantine',
  tags: ['quarantine'],
  summary: 'The functions that are kept apart',
  responses: answers(FunctionList, 'In ascending order of address.'),
});

const release = createRoute({
  method: 'post',
  path: '/quarantine/{function}/release',
  tags: ['quarantine'],
  summary: 'Back to the pool, after it has been made sure of and reset',
  request: { params, ...jsonBody(ReleaseRequest) },
  responses: answers(ManagedFunction, 'Where it stands: in the pool, or in quarantine again.'),
});

export function functionRoutes(manager: Manager) {
  return newRouter()
    .openapi(list, (context) => {
      const { revision, functions } = manager.snapshot();
      return context.json({ revision, functions: functions.map(functionJson) }, 200);
    })
    .openapi(get, (context) => {
      const { function: name } = context.req.valid('param');
      const found = manager.snapshot().functions.find((fn) => fn.name === name);
      if (found === undefined) throw noSuchFunction(name);
      return context.json(functionJson(found), 200);
    })
    .openapi(dismount, async (context) => {
      const request = defined(context.req.valid('json'));
      return context.json(outcomeJson(await manager.dismount(request, context.env.caller)), 200);
    })
    .openapi(mount, async (context) =>
      context.json(outcomeJson(await manager.mount(context.req.valid('json'), context.env.caller)), 200),
    )
    .openapi(createVirtual, async (context) => {
      const { count, settings, drivenBy } = context.req.valid('json');
      const request = {
        physicalFunction: context.req.valid('param').function,
        count,
        ...(settings === undefined ? {} : { settings: settings.map(defined) }),
        ...(drivenBy === undefined ? {} : { drivenBy }),
      };
      return context.json(outcomeJson(await manager.createVirtualFunctions(request, context.env.caller)), 200);
    })
    .openapi(removeVirtual, async (context) => {
      const physicalFunction = context.req.valid('param').function;
      const outcome = await manager.removeVirtualFunctions({ physicalFunction }, context.env.caller);
      return context.json(outcomeJson(outcome), 200);
    })
    .openapi(quarantined, (context) => {
      const { revision, functions } = manager.snapshot();
      const kept = functions.filter((fn) => fn.owner.kind === 'quarantine');
      return context.json({ revision, functions: kept.map(functionJson) }, 200);
    })
    .openapi(release, async (context) => {
      const request = { ...context.req.valid('param'), ...defined(context.req.valid('json')) };
      return context.json(functionJson(await manager.releaseQuarantine(request, context.env.caller)), 200);
    });
}

function noSuchFunction(name: string): HostError {
  return new HostError('no-such-function', {
    asked: `show ${name}`,
    obstacle: `this host has no PCI function ${name}.`,
    remedy: 'See which ones it has with: dda list',
    details: { function: name },
  });
}
