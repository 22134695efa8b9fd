import { instanceIdFor } from '../instance-id.ts';
import { type BusFunctionOptions, VpciProvider } from '../provider.ts';
import type { VpciVersion } from '../wire/version.ts';
import { SpyFunction } from './spy-function.ts';
import { FakeMachine } from './fake-machine.ts';
import { LinuxStyleGuest } from './linux-style-guest.ts';

export interface FixtureOptions {
  readonly maxVersion?: VpciVersion;
  /** In place of {@link Fixture.fn} alone in slot 0. */
  readonly functions?: readonly BusFunctionOptions[];
}

/** GUID bytes 78 56 34 12 CD 9B 34 12 …: domain 0x9bcd, device id 0x9bcd1230, serial 0x12345678. */
export const INSTANCE_ID = instanceIdFor({ serial: 0x1234_5678, domain: 0x9bcd, data3: 0x1234 });

/** The device id of function 0. */
export const DEVICE_ID = 0x9bcd_1230;

export interface Fixture {
  readonly fn: SpyFunction;
  readonly machine: FakeMachine;
  readonly provider: VpciProvider;
  readonly guest: LinuxStyleGuest;
}

/** A provider with a fake function, a fake machine and a guest that has not opened the channel yet. */
export function fixture(options: FixtureOptions = {}): Fixture {
  const fn = new SpyFunction();
  const machine = new FakeMachine();
  const provider = new VpciProvider({
    instanceId: INSTANCE_ID,
    functions: options.functions ?? [{ function: fn }],
    port: machine,
    ...(options.maxVersion === undefined ? {} : { maxVersion: options.maxVersion }),
  });
  return { fn, machine, provider, guest: new LinuxStyleGuest(provider) };
}
