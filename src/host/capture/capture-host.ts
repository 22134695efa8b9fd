import type { PciIds } from '../../pci/index.ts';
import { surveyTree } from '../survey/survey-tree.ts';
import type { HostTree } from '../tree/host-tree.ts';
import { formatCapture } from './capture-format.ts';
import { RecordingTree } from './recording-tree.ts';
import type { Recorded } from './recording-tree.ts';
import { redactConfig } from './redact-config.ts';
import { Pseudonyms, redactText } from './redact-text.ts';

export interface Capture {
  readonly text: string;
  readonly entries: number;
  readonly functions: number;
  /** Processes that could not be looked into: what they hold is missing. */
  readonly hiddenProcesses: number;
}

/** Surveys the host once, and keeps what that read, without what the survey makes no use of. `version`: of dda. */
export function captureHost(tree: HostTree, ids: PciIds, version: string): Capture {
  const recording = new RecordingTree(tree);
  const { inventory, usage } = surveyTree(recording, ids);
  const answers = withoutForeignProcesses(recording.answers());
  const pseudonyms = new Pseudonyms();
  const entries = answers.map(([path, answer]): [string, Recorded] => [
    pseudonyms.apply(path),
    redact(pseudonyms, path, answer),
  ]);
  return {
    text: formatCapture(version, entries),
    entries: entries.length,
    functions: inventory.functions.size,
    hiddenProcesses: usage.hiddenProcesses,
  };
}

function redact(pseudonyms: Pseudonyms, path: string, answer: Recorded): Recorded {
  switch (answer.kind) {
    case 'text':
      return { kind: 'text', text: pseudonyms.apply(redactText(path, answer.text)) };
    case 'bytes':
      return { kind: 'bytes', bytes: redactConfig(answer.bytes) };
    case 'link':
      return { kind: 'link', target: pseudonyms.apply(answer.target) };
    case 'names':
      return { kind: 'names', names: answer.names.map((name) => pseudonyms.apply(name)) };
    case 'there':
    case 'denied':
      return answer;
  }
}

/** Of processes, only those stay that hold a node of a PCI function, with that node; and how many could not be looked into. */
function withoutForeignProcesses(answers: readonly [string, Recorded][]): [string, Recorded][] {
  const nodes = functionNodes(answers);
  const kept = new Set<string>();
  const holders = new Set<string>();
  for (const [path, answer] of answers) {
    const process = /^\/proc\/([0-9]+)\/fd/.exec(path)?.[1];
    if (process === undefined) continue;
    const holds = answer.kind === 'link' && (answer.target.startsWith('/dev/vfio/') || nodes.has(answer.target));
    if (!holds && answer.kind !== 'denied') continue;
    kept.add(path);
    if (holds) holders.add(process);
  }
  return answers.flatMap(([path, answer]): [string, Recorded][] => {
    const [, process, rest = ''] = /^\/proc\/([0-9]+)(?:\/(.*))?$/.exec(path) ?? [];
    // Without the listing of /proc: the entries below it make one.
    if (path === '/proc') return [];
    if (process === undefined) return [[path, answer]];
    if (rest.startsWith('fd')) return kept.has(path) ? [[path, answer]] : [];
    if (!holders.has(process)) return [];
    return [
      [path, rest === 'exe' && answer.kind === 'link' ? { ...answer, target: programName(answer.target) } : answer],
    ];
  });
}

function programName(target: string): string {
  return target.slice(target.lastIndexOf('/') + 1);
}

/** `/dev/…` of everything that the survey found to belong to a function or a disk. */
function functionNodes(answers: readonly [string, Recorded][]): Set<string> {
  const nodes = new Set<string>();
  for (const [path, answer] of answers) {
    const name =
      answer.kind === 'text' && path.endsWith('/uevent') ? /^DEVNAME=(.+)$/m.exec(answer.text)?.[1] : undefined;
    if (name !== undefined) nodes.add(`/dev/${name}`);
    if (path === '/sys/class/block' && answer.kind === 'names')
      for (const disk of answer.names) nodes.add(`/dev/${disk}`);
  }
  return nodes;
}
