import { type Guid, parseGuid } from '../../hyperv/index.ts';
import type { Offer } from '../offer.ts';
import type { GuestChannel } from '../client/guest-channel.ts';
import { RecordingDevice } from './recording-device.ts';
import { type TestbenchOptions, VmbusTestbench } from './vmbus-testbench.ts';

/** The vPCI interface (Linux 6.1 include/linux/hyperv.h, HV_PCIE_GUID); VMBus treats all alike. */
export const INTERFACE_ID: Guid = parseGuid('44c4f61d-4444-4400-9d52-802e27ede19f');

export function instanceId(number: number): Guid {
  return parseGuid(`00000000-9bcd-1234-0000-${number.toString(16).padStart(12, '0')}`);
}

export interface OfferedBench {
  readonly bench: VmbusTestbench;
  readonly device: RecordingDevice;
  readonly offer: Offer;
}

/** A guest that is connected and holds one offer. */
export function offeredBench(
  device: RecordingDevice = new RecordingDevice(),
  options: TestbenchOptions = {},
): OfferedBench {
  const bench = new VmbusTestbench(options);
  const offer = bench.server.offer({ interfaceId: INTERFACE_ID, instanceId: instanceId(1), device });
  bench.guest.connect();
  bench.guest.requestOffers();
  return { bench, device, offer };
}

/** A guest that has opened the channel. */
export function openBench(
  device?: RecordingDevice,
  options?: TestbenchOptions,
): OfferedBench & { readonly channel: GuestChannel } {
  const offered = offeredBench(device, options);
  return { ...offered, channel: offered.bench.guest.open(offered.offer.relid) };
}
