import type { FunctionNode } from './function-node.ts';

/** What each I/O request packet for the bus itself gives; none has parameters. */
export interface BusIrpInformation {
  start: undefined;
  'query-relations': readonly FunctionNode[];
  remove: undefined;
  'surprise-removal': undefined;
}

export type BusIrp = keyof BusIrpInformation;
