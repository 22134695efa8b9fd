/** Helpers for tests of VMBus and of what speaks over it. */
export { INTERFACE_ID, instanceId, offeredBench, openBench } from './fixtures.ts';
export { echoDevice, RecordingDevice } from './recording-device.ts';
export { VmbusTestbench } from './vmbus-testbench.ts';
