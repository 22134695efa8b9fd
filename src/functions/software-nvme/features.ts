import { allNamespaces } from './command.ts';
import { temperatureKelvin } from './log-pages.ts';
import { NvmeStatus } from './status.ts';

/** Feature identifiers, NVM Express Base Specification 1.4, 5.21.1 and figure 271. */
export const Feature = {
  arbitration: 0x01,
  powerManagement: 0x02,
  temperatureThreshold: 0x04,
  errorRecovery: 0x05,
  volatileWriteCache: 0x06,
  numberOfQueues: 0x07,
  interruptCoalescing: 0x08,
  interruptVectorConfiguration: 0x09,
  writeAtomicityNormal: 0x0a,
  asyncEventConfiguration: 0x0b,
} as const;

/** What Get Features asks for, figure 175. */
const Select = { current: 0, defaults: 1, saved: 2, capabilities: 3 } as const;
/** Of a capability answer: the value can be changed. None can be saved, none is a namespace's own. */
const changeable = 0x4;

const defaults: ReadonlyMap<number, number> = new Map([
  [Feature.arbitration, 0],
  [Feature.powerManagement, 0],
  [Feature.errorRecovery, 0],
  [Feature.volatileWriteCache, 1],
  [Feature.interruptCoalescing, 0],
  [Feature.writeAtomicityNormal, 0],
  [Feature.asyncEventConfiguration, 0],
]);
/** Bits that a guest may set of each; others are reserved, or for what this controller hasn't got. */
const settable: ReadonlyMap<number, number> = new Map([
  [Feature.arbitration, 0xffff_ff07],
  // Power state 0 is the only one.
  [Feature.powerManagement, 0xe0],
  [Feature.errorRecovery, 0xffff],
  [Feature.volatileWriteCache, 0x1],
  [Feature.interruptCoalescing, 0xffff],
  [Feature.writeAtomicityNormal, 0x1],
  [Feature.asyncEventConfiguration, 0xffff_ffff],
]);

const temperatureEventBit = 0x2;
const thresholdDefaults = { over: 0xffff, under: 0 } as const;

/** A status, and what the completion's dword 0 says. */
export interface FeatureAnswer {
  readonly status: NvmeStatus;
  readonly result: number;
}

export interface FeatureLimits {
  readonly queuePairs: number;
  readonly vectors: number;
}

/** What a driver can set. All of it is forgotten at a reset. */
export class Features {
  readonly #limits: FeatureLimits;
  readonly #values = new Map(defaults);
  readonly #uncoalesced = new Set<number>();
  #thresholds: { over: number; under: number } = { ...thresholdDefaults };
  /** Of each kind. */
  #queues: number;

  constructor(limits: FeatureLimits) {
    this.#limits = limits;
    this.#queues = limits.queuePairs;
  }

  reset(): void {
    for (const [id, value] of defaults) this.#values.set(id, value);
    this.#uncoalesced.clear();
    this.#thresholds = { ...thresholdDefaults };
    this.#queues = this.#limits.queuePairs;
  }

  /** I/O queues of each kind that the driver may create. */
  get queues(): number {
    return this.#queues;
  }

  get writeCacheEnabled(): boolean {
    return (this.#values.get(Feature.volatileWriteCache) ?? 0) !== 0;
  }

  get overheated(): boolean {
    return temperatureKelvin >= this.#thresholds.over || temperatureKelvin <= this.#thresholds.under;
  }

  /** Whether the driver wants to be told when {@link overheated} becomes true. */
  get temperatureEvents(): boolean {
    return ((this.#values.get(Feature.asyncEventConfiguration) ?? 0) & temperatureEventBit) !== 0;
  }

  get(cdw10: number, cdw11: number): FeatureAnswer {
    const id = cdw10 & 0xff;
    const select = (cdw10 >>> 8) & 0x7;
    const current = this.#value(id, cdw11);
    if (current === undefined || select > Select.capabilities) return answer(NvmeStatus.invalidField);
    if (select === Select.capabilities) return answer(NvmeStatus.success, changeable);
    if (select === Select.current) return answer(NvmeStatus.success, current);
    return answer(NvmeStatus.success, this.#default(id, cdw11));
  }

  /** `queuesExist`: the driver has created I/O queues. */
  set(cdw10: number, cdw11: number, namespaceId: number, queuesExist: boolean): FeatureAnswer {
    const id = cdw10 & 0xff;
    if (this.#value(id, cdw11) === undefined) return answer(NvmeStatus.invalidField);
    if (cdw10 >>> 31 !== 0) return answer(NvmeStatus.featureNotSaveable);
    if (namespaceId !== 0 && namespaceId !== allNamespaces) return answer(NvmeStatus.featureNotNamespaceSpecific);
    switch (id) {
      case Feature.numberOfQueues:
        return this.#setQueues(cdw11, queuesExist);
      case Feature.temperatureThreshold:
        return this.#setThreshold(cdw11);
      case Feature.interruptVectorConfiguration:
        if ((cdw11 & 0x1_0000) !== 0) this.#uncoalesced.add(cdw11 & 0xffff);
        else this.#uncoalesced.delete(cdw11 & 0xffff);
        return answer(NvmeStatus.success);
      default: {
        const allowed = settable.get(id) ?? 0;
        if ((cdw11 & ~allowed) !== 0) return answer(NvmeStatus.invalidField);
        this.#values.set(id, cdw11);
        return answer(NvmeStatus.success);
      }
    }
  }

  /** Undefined: there is no such feature, or not for what `cdw11` names. */
  #value(id: number, cdw11: number): number | undefined {
    switch (id) {
      case Feature.numberOfQueues:
        return (this.#queues - 1) * 0x1_0001;
      case Feature.temperatureThreshold: {
        const kind = thresholdKind(cdw11);
        return kind && this.#thresholds[kind];
      }
      case Feature.interruptVectorConfiguration: {
        const vector = cdw11 & 0xffff;
        if (vector >= this.#limits.vectors) return undefined;
        return vector | (this.#uncoalesced.has(vector) ? 0x1_0000 : 0);
      }
      default:
        return this.#values.get(id);
    }
  }

  #default(id: number, cdw11: number): number {
    if (id === Feature.numberOfQueues) return (this.#limits.queuePairs - 1) * 0x1_0001;
    if (id === Feature.interruptVectorConfiguration) return cdw11 & 0xffff;
    const kind = id === Feature.temperatureThreshold ? thresholdKind(cdw11) : undefined;
    return kind === undefined ? (defaults.get(id) ?? 0) : thresholdDefaults[kind];
  }

  /** 5.21.1.7: as many as are asked for, and as there are. */
  #setQueues(cdw11: number, queuesExist: boolean): FeatureAnswer {
    if (queuesExist) return answer(NvmeStatus.commandSequenceError);
    const [submission, completion] = [cdw11 & 0xffff, cdw11 >>> 16];
    if (submission === 0xffff || completion === 0xffff) return answer(NvmeStatus.invalidField);
    this.#queues = Math.min(Math.max(submission, completion) + 1, this.#limits.queuePairs);
    return answer(NvmeStatus.success, (this.#queues - 1) * 0x1_0001);
  }

  #setThreshold(cdw11: number): FeatureAnswer {
    const kind = thresholdKind(cdw11);
    if (kind === undefined) return answer(NvmeStatus.invalidField);
    this.#thresholds[kind] = cdw11 & 0xffff;
    return answer(NvmeStatus.success);
  }
}

/** Figure 275: sensor 0 is the composite temperature; setting 15 means all sensors. */
function thresholdKind(cdw11: number): 'over' | 'under' | undefined {
  const sensor = (cdw11 >>> 16) & 0xf;
  if (sensor !== 0 && sensor !== 0xf) return undefined;
  const kind = (cdw11 >>> 20) & 0x3;
  return kind === 0 ? 'over' : kind === 1 ? 'under' : undefined;
}

function answer(status: NvmeStatus, result = 0): FeatureAnswer {
  return { status, result };
}
