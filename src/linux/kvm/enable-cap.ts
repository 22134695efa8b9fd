import { ioctlStruct } from '../libc/ioctl.ts';
import type { Capability } from './capability.ts';
import { KvmIoctl } from './kvm-ioctls.ts';
import { enableCapLayout, enableCapSizeBytes } from './layouts.ts';

/** KVM_ENABLE_CAP on a VM or a vCPU; up to four arguments. */
export function enableCapability(fd: number, capability: Capability, args: readonly bigint[]): void {
  const bytes = new Uint8Array(enableCapSizeBytes);
  const view = new DataView(bytes.buffer);
  view.setUint32(enableCapLayout.cap, capability, true);
  args.forEach((arg, i) => view.setBigUint64(enableCapLayout.args + i * 8, arg, true));
  ioctlStruct(fd, KvmIoctl.enableCap, bytes, `capability ${capability}`);
}
