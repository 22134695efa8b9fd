import type { TargetName } from '../targets/index.ts';

/** A mistake put into the product on purpose: text of it that is replaced as it is loaded. */
export interface Defect {
  readonly id: string;
  /** Which target must find it. */
  readonly target: TargetName;
  /** From the repository's root. */
  readonly file: string;
  /** What is wrong then. */
  readonly what: string;
  /** Stands in the file exactly once. */
  readonly find: string;
  readonly replace: string;
}

/** Defects of one target. */
export function defectsOf(
  target: TargetName,
  directory: string,
  defects: readonly (readonly [file: string, what: string, find: string, replace: string])[],
): Defect[] {
  const counts = new Map<string, number>();
  return defects.map(([name, what, find, replace]) => {
    const count = (counts.get(name) ?? 0) + 1;
    counts.set(name, count);
    const stem = name.slice(name.lastIndexOf('/') + 1).replace('.ts', '');
    const id = count === 1 ? `${target}/${stem}` : `${target}/${stem}-${count}`;
    return { id, target, file: `${directory}/${name}`, what, find, replace };
  });
}
