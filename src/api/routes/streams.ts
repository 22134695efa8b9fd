import { createRoute, z } from '@hono/zod-openapi';
import type { Manager } from '../../host/index.ts';
import { consoleStream } from '../events/console-stream.ts';
import type { EventLog } from '../events/event-log.ts';
import { eventStream, parseEventId } from '../events/event-stream.ts';
import type { StreamSlots } from '../events/stream-slots.ts';
import { traceStream } from '../events/trace-stream.ts';
import { requestInvalid } from '../problem/request-problems.ts';
import { Event } from '../schemas/audit.ts';
import { VmName } from '../schemas/common.ts';
import { TraceEvent } from '../schemas/trace.ts';
import { newRouter, noContent, problemAnswer } from './route-parts.ts';

const bytes = { 'application/octet-stream': { schema: z.string().openapi({ format: 'binary' }) } };

const events = createRoute({
  method: 'get',
  path: '/events',
  tags: ['events'],
  summary: 'Every change as it happens, as server-sent events',
  description:
    'The name of an event is its kind, its data the JSON given here. A reader that comes back with Last-Event-ID gets what it missed, or `lost` where that is gone. Take a revision from /v1/functions only after the stream has begun, and skip events up to it.',
  request: {
    headers: z.object({ 'last-event-id': z.string().optional().openapi({ description: 'The id of the last event.' }) }),
  },
  responses: {
    200: { description: 'Until either side ends it.', content: { 'text/event-stream': { schema: Event } } },
    default: problemAnswer,
  },
});

const watch = createRoute({
  method: 'get',
  path: '/vms/{vm}/console',
  tags: ['vms'],
  summary: 'What the guest prints from now on',
  request: { params: z.object({ vm: VmName }) },
  responses: { 200: { description: 'Until either side ends it.', content: bytes }, default: problemAnswer },
});

const type = createRoute({
  method: 'post',
  path: '/vms/{vm}/console',
  tags: ['vms'],
  summary: "Types into the guest's serial port",
  request: { params: z.object({ vm: VmName }), body: { required: true, content: bytes } },
  responses: noContent,
});

const trace = createRoute({
  method: 'get',
  path: '/vms/{vm}/trace',
  tags: ['vms'],
  summary: 'What passes between guest and host from now on, as server-sent events',
  description:
    'Hypercalls, VMBus messages, what becomes of channels, and their packets. The name of an event is its kind, its data the JSON given here. The VM records while anybody reads; several may. `ended` is the last event.',
  request: { params: z.object({ vm: VmName }) },
  responses: {
    200: { description: 'Until either side ends it.', content: { 'text/event-stream': { schema: TraceEvent } } },
    default: problemAnswer,
  },
});

export interface StreamParts {
  readonly log: EventLog;
  /** Names this run of the daemon in the ids of events. */
  readonly run: string;
  readonly slots: StreamSlots;
}

export function streamRoutes(manager: Manager, { log, run, slots }: StreamParts) {
  return newRouter()
    .openapi(events, (context) => {
      const id = context.req.valid('header')['last-event-id'];
      const from = id === undefined || id === '' ? undefined : parseEventId(id);
      if (id !== undefined && id !== '' && from === undefined) {
        const problem = 'It is no id that this API gave.';
        throw requestInvalid('GET', context.req.path, [{ field: 'header.last-event-id', problem }]);
      }
      const stream = eventStream(log, run, from, slots.stopping, slots.take('follow events'));
      return new Response(stream, {
        headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-store' },
      });
    })
    .openapi(watch, (context) => {
      const { vm } = context.req.valid('param');
      const vmEnded = new AbortController();
      const free = slots.take(`follow the console of ${vm}`);
      const stopListening = manager.on((event) => {
        if (event.kind === 'vm-removed' && event.name === vm) vmEnded.abort();
      });
      const end = (): void => {
        stopListening();
        free();
      };
      try {
        const over = AbortSignal.any([slots.stopping, vmEnded.signal]);
        const stream = consoleStream((listener) => manager.watchConsole(vm, listener), over, end);
        return new Response(stream, {
          headers: { 'content-type': 'application/octet-stream', 'cache-control': 'no-store' },
        });
      } catch (error) {
        end();
        throw error;
      }
    })
    .openapi(trace, (context) => {
      const { vm } = context.req.valid('param');
      const over = new AbortController();
      const free = slots.take(`trace ${vm}`);
      const stopListening = manager.on((event) => {
        if (event.kind === 'vm-removed' && event.name === vm)
          over.abort(`The VM ${vm} ended${event.guestEnd === undefined ? '.' : `: ${event.guestEnd.detail}.`}`);
      });
      const onStopping = (): void => over.abort('The daemon ended.');
      slots.stopping.addEventListener('abort', onStopping);
      const ended = (): void => {
        stopListening();
        slots.stopping.removeEventListener('abort', onStopping);
        free();
      };
      try {
        const stream = traceStream({ watch: (listener) => manager.watchTrace(vm, listener), over: over.signal, ended });
        return new Response(stream, { headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-store' } });
      } catch (error) {
        ended();
        throw error;
      }
    })
    .openapi(type, async (context) => {
      const typed = new Uint8Array(await context.req.arrayBuffer());
      await manager.type({ vm: context.req.valid('param').vm, bytes: typed }, context.env.caller);
      return context.body(null, 204);
    });
}
