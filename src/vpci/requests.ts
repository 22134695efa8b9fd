import type { Bus } from './bus.ts';
import { formatSlot } from './slot.ts';
import { type GuestMessage, refuse, type Refusal } from './wire/decode-guest.ts';
import {
  encodeAssigned,
  encodeCurrentResources,
  encodeInterruptReply,
  encodeRequirements,
  encodeStatus,
} from './wire/encode-host.ts';
import { NtStatus } from './wire/status.ts';

/** The requests that name a function, save EJECTION_COMPLETE, which answers the host. */
export type FunctionRequest = Exclude<
  Extract<GuestMessage, { readonly slot: number }>,
  { readonly kind: 'ejection-complete' }
>;

const done = (): Uint8Array => encodeStatus(NtStatus.SUCCESS);

/** Does what the guest asks of one function and returns the payload to complete it with. */
export function answerFunctionRequest(bus: Bus, request: FunctionRequest): Uint8Array | Refusal {
  const busFunction = bus.at(request.slot);
  if (busFunction === undefined)
    return refuse(NtStatus.BAD_DATA, `${request.kind}: nothing in ${formatSlot(request.slot)}`);
  switch (request.kind) {
    case 'query-requirements':
      return encodeRequirements(busFunction.masks);
    case 'query-current-resources':
      return encodeCurrentResources(busFunction.placedBars());
    case 'power-state-change':
      if (bus.windowGpa === undefined) return refuse(NtStatus.INVALID_DEVICE_STATE, 'a power state change outside D0');
      busFunction.setPower(request.state);
      return done();
    case 'resources-assigned': {
      const tokens = bus.assign(busFunction, request.resources, request.interrupts);
      if ('kind' in tokens) return tokens;
      return encodeAssigned(request.slot, request.resources, tokens, request.tokenCells);
    }
    case 'resources-released':
      bus.release(busFunction);
      return done();
    case 'create-interrupt': {
      const token = bus.createInterrupt(busFunction, request.request);
      return 'kind' in token ? token : encodeInterruptReply(token);
    }
    case 'delete-interrupt':
      return bus.deleteInterrupt(busFunction, request.address, request.data) ?? done();
  }
}
