import type { Guid } from '../../vmbus/index.ts';
import { domainOf, instanceIdFor } from '../../vpci/index.ts';

const DOMAINS = 0xffff;

/**
 * Instance GUIDs for one VM's assignments. Each assignment gets one of its own, so that lending a function again never
 * waits for a guest to let go of the offer before. The PCI domain is the lowest that no live assignment has.
 */
export class InstanceIds {
  readonly #domains = new Set<number>();
  #assignments = 0;

  /** `serial`: what names the slot in the guest, 32 bits. Throws RangeError when it is none, or no domain is free. */
  take(serial: number): Guid {
    let domain = 1;
    while (this.#domains.has(domain)) {
      domain += 1;
    }
    if (domain > DOMAINS) {
      throw new RangeError(`all ${DOMAINS} PCI domains of this VM are in use`);
    }
    const data4 = new Uint8Array(8);
    new DataView(data4.buffer).setBigUint64(0, BigInt(this.#assignments + 1), false);
    const instanceId = instanceIdFor({ serial, domain, data4 });
    this.#domains.add(domain);
    this.#assignments += 1;
    return instanceId;
  }

  giveBack(instanceId: Guid): void {
    this.#domains.delete(domainOf(instanceId));
  }
}
