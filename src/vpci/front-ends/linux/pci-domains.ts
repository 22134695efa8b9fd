/** A PCI domain number has 16 bits. */
const DOMAIN_LIMIT = 0x1_0000;

/** Which PCI domains of a guest are taken: a host may wish for one, and can't be relied on to wish for different ones. */
export class PciDomains {
  readonly #taken = new Set<number>();

  /** `wanted`, or the next free number after it where that is 0 or taken. RangeError: there is none left. */
  take(wanted: number): number {
    for (let tried = 0; tried < DOMAIN_LIMIT; tried += 1) {
      const domain = (wanted + tried) % DOMAIN_LIMIT;
      if (domain === 0 || this.#taken.has(domain)) continue;
      this.#taken.add(domain);
      return domain;
    }
    throw new RangeError('every PCI domain of the guest is taken');
  }

  give(domain: number): void {
    this.#taken.delete(domain);
  }
}
