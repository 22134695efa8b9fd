import { fileURLToPath } from 'node:url';
import type { NvmeAdminCommand, NvmeCompletion } from '../../linux/index.ts';
import type { DeviceOutcome } from '../moves/ports.ts';
import { runBounded } from './bounded-child.ts';

/** What `device-program.ts` is asked. Bytes are in base64. */
export type DeviceRequest =
  | {
      readonly to: 'nvme';
      readonly node: string;
      readonly commands: readonly NvmeAdminCommand[];
      /** For each command. */
      readonly timeoutMs: number;
    }
  | { readonly to: 'links'; readonly messages: readonly string[] };

/** What it answers. */
export type DeviceAnswer =
  | {
      readonly ok: true;
      readonly completions: readonly { readonly status: number; readonly result: number; readonly data: string }[];
    }
  | { readonly ok: true; readonly answers: readonly string[] }
  | { readonly ok: false; readonly code: string; readonly text: string };

/** The file is `.ts` in the working tree and `.js` in the package. */
const program = new URL(
  import.meta.url.endsWith('.ts') ? './device-program.ts' : './device-program.js',
  import.meta.url,
);

/** An Identify answer is 4 KiB; a link with its virtual functions at most 1 MiB, half as much again in base64. */
const maxAnswerBytes = 2 * 1024 * 1024;

/** See {@link KernelActions.nvmeAdmin}. */
export async function nvmeAdmin(
  node: string,
  commands: readonly NvmeAdminCommand[],
  deadlineMs: number,
): Promise<DeviceOutcome<NvmeCompletion[]>> {
  const outcome = await ask({ to: 'nvme', node, commands, timeoutMs: deadlineMs }, deadlineMs);
  if (outcome.outcome !== 'done') return outcome;
  if (!('completions' in outcome.value)) return nonsense;
  const completions = outcome.value.completions.map(({ data, ...rest }) => ({ ...rest, data: bytesOf(data) }));
  return { outcome: 'done', value: completions };
}

/** See {@link KernelActions.changeLinks}. */
export async function changeLinks(
  messages: readonly Uint8Array[],
  deadlineMs: number,
): Promise<DeviceOutcome<Uint8Array[]>> {
  const request = {
    to: 'links',
    messages: messages.map((message) => Buffer.from(message).toString('base64')),
  } as const;
  const outcome = await ask(request, deadlineMs);
  if (outcome.outcome !== 'done') return outcome;
  return 'answers' in outcome.value ? { outcome: 'done', value: outcome.value.answers.map(bytesOf) } : nonsense;
}

async function ask(
  request: DeviceRequest,
  deadlineMs: number,
): Promise<DeviceOutcome<Exclude<DeviceAnswer, { ok: false }>>> {
  const args = ['--disable-warning=ExperimentalWarning', fileURLToPath(program)];
  const outcome = await runBounded(process.execPath, args, JSON.stringify(request), deadlineMs, maxAnswerBytes);
  if (outcome.outcome !== 'done') return outcome;
  const answer = JSON.parse(outcome.text) as DeviceAnswer;
  return answer.ok ? { outcome: 'done', value: answer } : { outcome: 'failed', code: answer.code, text: answer.text };
}

const nonsense = { outcome: 'failed', code: undefined, text: 'the answer was for another request' } as const;

const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'));
