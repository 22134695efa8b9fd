import type { Fields, Layout } from '../../hyperv/index.ts';
import { PACKET_FOOTER, PACKET_HEADER, RING_HEADER } from '../rings/ring-layout.ts';
import * as fromGuest from './from-guest.ts';
import * as fromHost from './from-host.ts';
import { MessageType } from './message-type.ts';

interface MessageTable extends Layout<Fields> {
  readonly type: MessageType;
}

/** The layout tables as Markdown, for docs/vmbus.md. */
export function renderProtocolTables(): string {
  return [
    'Written from the tables in `src/vmbus/messages` and `src/vmbus/rings` by `node scripts/vmbus-tables.ts`; a test compares.',
    'Integers are little-endian. A message starts with `u32` type and four bytes of zero; longer ones than specified are fine.',
    '### From the guest',
    ...messages(Object.values(fromGuest)),
    '### From the host',
    ...messages(Object.values(fromHost)),
    '### Rings',
    ...[RING_HEADER, PACKET_HEADER, PACKET_FOOTER].flatMap((layout) => section(layout.name, layout)),
  ].join('\n\n');
}

function messages(layouts: readonly MessageTable[]): string[] {
  return layouts
    .toSorted((a, b) => a.type - b.type)
    .flatMap((layout) => section(`${layout.type} ${layout.name}`, layout));
}

function section(title: string, { sizeBytes, source, fields }: Layout<Fields>): string[] {
  const heading = `**${title}**, ${sizeBytes} bytes (${source})`;
  const rows = Object.entries(fields).map(
    ([name, { offset, type, sizeBytes: length, meaning }]) =>
      `| ${offset} | ${type === 'bytes' ? `${length} bytes` : type} | ${name} | ${meaning.replaceAll('|', '\\|')} |`,
  );
  return rows.length === 0
    ? [heading]
    : [heading, ['| offset | type | field | meaning |', '| --- | --- | --- | --- |', ...rows].join('\n')];
}
