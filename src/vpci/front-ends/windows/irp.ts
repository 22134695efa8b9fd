import type { FunctionIdentity } from '../../../functions/index.ts';
import type { VectorTarget } from '../guest-platform.ts';
import type { Steps } from '../guest-threads.ts';
import type { BusInterface } from './bus-interface.ts';

/** A BAR that needs a place. */
export interface BarRequirement {
  readonly index: number;
  readonly kind: 'memory32' | 'memory64';
  readonly sizeBytes: number;
}

/** What a function can be given; filtered by its driver before anything is. */
export interface ResourceRequirements {
  readonly bars: readonly BarRequirement[];
  /** The most message interrupts it can have. */
  readonly mostMessages: number;
}

export interface AssignedBar {
  readonly index: number;
  readonly gpa: number;
  readonly sizeBytes: number;
}

/** What the plug-and-play manager has found for a function. */
export interface AssignedResources {
  readonly bars: readonly AssignedBar[];
  /** By message, the guest's vector for it. */
  readonly messages: readonly VectorTarget[];
}

/** Parameters of each I/O request packet for a function's node, by the packet's minor function (Windows wdm.h). */
export interface FunctionIrpParameters {
  'query-id': undefined;
  'query-capabilities': undefined;
  'query-resources': undefined;
  'query-resource-requirements': undefined;
  'filter-resource-requirements': ResourceRequirements;
  start: AssignedResources;
  'query-stop': undefined;
  'cancel-stop': undefined;
  stop: undefined;
  'query-remove': undefined;
  'cancel-remove': undefined;
  remove: undefined;
  'surprise-removal': undefined;
  eject: undefined;
  'query-interface': undefined;
  'set-power': 'D0' | 'D3';
}

/** What each of them gives. */
export interface FunctionIrpInformation {
  'query-id': FunctionIdentity;
  'query-capabilities': { readonly uniqueNumber: number; readonly address: number; readonly ejectSupported: true };
  'query-resources': readonly AssignedBar[];
  'query-resource-requirements': ResourceRequirements;
  'filter-resource-requirements': ResourceRequirements;
  start: undefined;
  'query-stop': undefined;
  'cancel-stop': undefined;
  stop: undefined;
  'query-remove': undefined;
  'cancel-remove': undefined;
  remove: undefined;
  'surprise-removal': undefined;
  eject: undefined;
  'query-interface': BusInterface;
  'set-power': undefined;
}

export type FunctionIrp = keyof FunctionIrpParameters;

/** `status` is an NTSTATUS; there is information only where it is a success. */
export type IrpAnswer<T> =
  | { readonly status: 0; readonly information: T }
  | { readonly status: number; readonly information?: undefined };

export type IrpHandlers<Parameters, Information extends Record<keyof Parameters, unknown>> = {
  readonly [K in keyof Parameters]: (parameters: Parameters[K]) => Steps<IrpAnswer<Information[K]>>;
};

/** Windows ntstatus.h. */
export const IrpStatus = {
  SUCCESS: 0,
  UNSUCCESSFUL: 0xc000_0001,
  NO_SUCH_DEVICE: 0xc000_000e,
  INVALID_DEVICE_STATE: 0xc000_0184,
} as const;

export function success<T>(information: T): IrpAnswer<T> {
  return { status: IrpStatus.SUCCESS, information };
}
