import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { StepFunction } from './model.ts';

/** A defect put into the machine's own text, so that the search is shown to find it. */
export interface Defect {
  readonly what: string;
  readonly file: string;
  /** Stands in the file exactly once. */
  readonly text: string;
  readonly instead: string;
  /** The rule that must be seen broken. */
  readonly rule: string;
}

/** The machine with a defect, from a copy of its files. Throws where the text isn't there exactly once. */
export async function defectiveMachine(defect: Defect): Promise<{ machine: StepFunction; remove: () => void }> {
  const directory = mkdtempSync(join(tmpdir(), 'dda-defect-'));
  const remove = (): void => rmSync(directory, { recursive: true });
  try {
    cpSync(join(import.meta.dirname, '..'), directory, { recursive: true });
    writeFileSync(join(directory, 'package.json'), '{"type":"module"}');
    const path = join(directory, defect.file);
    const parts = readFileSync(path, 'utf8').split(defect.text);
    if (parts.length !== 2) throw new Error(`${defect.file} has "${defect.text}" ${parts.length - 1} times`);
    writeFileSync(path, parts.join(defect.instead));
    const { step } = (await import(pathToFileURL(join(directory, 'step.ts')).href)) as { step: StepFunction };
    return { machine: step, remove };
  } catch (error) {
    remove();
    throw error;
  }
}
