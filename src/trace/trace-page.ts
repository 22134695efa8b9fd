import type { Fields, Layout } from '../hyperv/index.ts';
import { OFFER_STATES, RECORD_HEADER, RECORD_LAYOUTS } from './record-layouts.ts';

const FIRST = '<!-- tables: written by scripts/trace-page.ts -->';
const LAST = '<!-- end of tables -->';

const BEHIND: Readonly<Record<string, string>> = {
  hypercall: 'the host’s copy of the input; nothing where the call was refused before there was one',
  message: 'the message, without the SynIC’s own header',
  packet: 'the payload of the packet, without the ring’s header',
  channel: 'why, as UTF-8, or nothing',
  signal: 'nothing: the event flag is the relid',
};

/** `page` with everything between its two markers written anew from the layout tables. Throws RangeError without them. */
export function withRecordTables(page: string): string {
  const [before, rest] = page.split(FIRST);
  const after = rest?.split(LAST)[1];
  if (before === undefined || after === undefined) throw new RangeError(`the page has no ${FIRST} … ${LAST}`);
  return `${before}${FIRST}\n\n${recordTables()}\n\n${LAST}${after}`;
}

function recordTables(): string {
  const common = new Set(Object.keys(RECORD_HEADER.fields));
  return [
    '**Every record**',
    table(RECORD_HEADER, () => true),
    ...Object.entries(RECORD_LAYOUTS).flatMap(([kind, layout]) => {
      const title = `**${layout.name}**: ${layout.sizeBytes} bytes, and behind them ${BEHIND[kind] ?? ''}`;
      return kind === 'signal' ? [title] : [title, table(layout, (name) => !common.has(name))];
    }),
    `States of a channel: ${OFFER_STATES.map((state, index) => `${index} ${state}`).join(', ')}. [vmbus.md](vmbus.md) explains them.`,
  ].join('\n\n');
}

function table({ fields }: Layout<Fields>, isShown: (name: string) => boolean): string {
  const rows = Object.entries(fields)
    .filter(([name]) => isShown(name))
    .map(([name, { offset, type, sizeBytes, meaning }]) => {
      const width = type === 'text' || type === 'bytes' ? `${sizeBytes} bytes` : type;
      return `| ${offset} | ${width} | ${name} | ${meaning} |`;
    });
  return ['| offset | type | field | meaning |', '| --- | --- | --- | --- |', ...rows].join('\n');
}
