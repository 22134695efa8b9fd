import type { ConfigHeader } from '../pci/index.ts';
import type { FunctionIdentity } from './function.ts';

/** What an endpoint's header says it is. */
export function identityOf(header: ConfigHeader): FunctionIdentity {
  const { vendorId, deviceId, revisionId, programmingInterface, subClass, baseClass } = header;
  const { subsystemVendorId, subsystemId } = header;
  return {
    vendorId,
    deviceId,
    revisionId,
    programmingInterface,
    subClass,
    baseClass,
    subsystemVendorId,
    subsystemId,
  };
}
