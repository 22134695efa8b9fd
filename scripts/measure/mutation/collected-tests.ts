/**
 * Stands in for `node:test` where mutants are tried: takes down what a test file defines, so that single tests can be run again and
 * again without loading it anew. It has what the tests of the measured parts use; what it hasn't fails when they are loaded or run first.
 */

export interface CollectedTest {
  /** The file's path and the test's name; with a number behind it where that isn't unique. */
  readonly id: string;
  readonly name: string;
  readonly fileName: string;
  run(): void | Promise<void>;
}

type TestFunction = (context: { readonly name: string; diagnostic(message: string): void }) => void | Promise<void>;

let takeDown: ((name: string, run: TestFunction) => void) | undefined;

/** `node:test`'s own. */
export function test(name: string, run: TestFunction): void {
  if (takeDown === undefined) throw new Error(`the test '${name}' is defined while no test file is loaded`);
  if (typeof run !== 'function') throw new TypeError(`the test '${name}' is defined in a way that is not known here`);
  takeDown(name, run);
}

/** Gives the tests that are defined while `load` runs. `fileName`: from where. */
export async function collect(fileName: string, load: () => Promise<unknown>): Promise<readonly CollectedTest[]> {
  const tests = new Map<string, CollectedTest>();
  takeDown = (name, run) => {
    let id = `${fileName} > ${name}`;
    for (let count = 2; tests.has(id); count++) id = `${fileName} > ${name} (${count})`;
    tests.set(id, { id, name, fileName, run: () => run({ name, diagnostic: () => undefined }) });
  };
  try {
    await load();
  } finally {
    takeDown = undefined;
  }
  return [...tests.values()];
}
