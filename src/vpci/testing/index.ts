/** For the tests of the parts below: guests' drivers, and hosts that misbehave. */
export { LinuxStyleDriver, WINDOW_GPA } from './linux-style-guest.ts';
export { encodeDeleteInterrupt, encodeRequest } from '../wire/encode-guest.ts';
export { FaultyHost } from './faulty-host.ts';
export type { GuestPacket, HostControl, HostFault, HostPacket } from './faulty-host.ts';
export { HOST_FAULTS } from './host-faults.ts';
export type { HostFaultName } from './host-faults.ts';
export { GuestHardware, LifeOverRings, ModelMachine, World } from './machine/index.ts';
