import { createRoute, z } from '@hono/zod-openapi';
import type { Manager } from '../../host/index.ts';
import { PoolName } from '../schemas/common.ts';
import { CreatePoolRequest, Pools } from '../schemas/vms.ts';
import { answers, jsonBody, newRouter } from './route-parts.ts';

const tags = ['pools'];

const list = createRoute({
  method: 'get',
  path: '/pools',
  tags,
  summary: 'Every pool',
  responses: answers(Pools, 'By name.'),
});

const create = createRoute({
  method: 'post',
  path: '/pools',
  tags,
  summary: 'Makes a pool',
  request: jsonBody(CreatePoolRequest),
  responses: answers(Pools, 'All pools, with the new one.'),
});

const remove = createRoute({
  method: 'delete',
  path: '/pools/{pool}',
  tags,
  summary: 'Removes a pool that is empty',
  request: { params: z.object({ pool: PoolName }) },
  responses: answers(Pools, 'The pools that are left.'),
});

export function poolRoutes(manager: Manager) {
  const pools = () => ({ pools: [...manager.snapshot().pools] });
  return newRouter()
    .openapi(list, (context) => context.json(pools(), 200))
    .openapi(create, async (context) => {
      await manager.createPool(context.req.valid('json'), context.env.caller);
      return context.json(pools(), 200);
    })
    .openapi(remove, async (context) => {
      await manager.removePool({ name: context.req.valid('param').pool }, context.env.caller);
      return context.json(pools(), 200);
    });
}
