import type { Look } from '../../src/host/manager/host-port.ts';

/** One function as it really is. */
export interface RealFunction {
  readonly name: string;
  readonly group: string;
  readonly physicalFunction: string | undefined;
  readonly resettable: 'yes' | 'no';
  ids: string;
  driver: 'home' | 'vfio' | 'none';
  isPresent: boolean;
  /** A VM process had it, and it was not reset since, nor taken as it is by an administrator. */
  isDirty: boolean;
  /** To which process, and by which manager, it was handed over last. */
  loan: { readonly processId: number; readonly manager: number } | undefined;
}

function fn(name: string, group: string, more: Partial<RealFunction> = {}): RealFunction {
  const ids = '1b36:0010';
  const plain = {
    physicalFunction: undefined,
    resettable: 'yes',
    driver: 'home',
    isPresent: true,
    isDirty: false,
    loan: undefined,
  } as const;
  return { name, group, ids, ...plain, ...more };
}

/** One alone, two of a group of which one can't be reset, one with a virtual one. */
export function realFunctions(): RealFunction[] {
  return [
    fn('0000:01:00.0', '5'),
    fn('0000:02:00.0', '7'),
    fn('0000:02:00.1', '7', { resettable: 'no' }),
    fn('0000:03:00.0', '8'),
    fn('0000:03:10.0', '9', { physicalFunction: '0000:03:00.0' }),
  ];
}

/** What making sure of it finds, where nothing went wrong. */
export function cleanOrUnbound({ driver }: RealFunction): 'clean' | 'unbound' {
  return driver === 'vfio' ? 'clean' : 'unbound';
}

/** What can be seen of it. */
export function lookOf({ name, ids, group, physicalFunction, resettable, driver }: RealFunction): Look {
  const groupNode = `/dev/vfio/${group}`;
  // Whatever VFIO's driver has was dismounted, by this manager or by somebody else.
  const adoptInto = driver === 'vfio' ? 'default' : undefined;
  const facts = { classCode: '010802', numaNode: undefined, groupNode, deviceNode: undefined, adoptInto };
  return { name, ids, group, physicalFunction, resettable, driver, ...facts };
}
