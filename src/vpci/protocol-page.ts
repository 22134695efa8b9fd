import { GUEST_MESSAGES, type GuestMessageShape } from './wire/guest-messages.ts';
import { HOST_MESSAGES } from './wire/host-messages.ts';
import { REPLIES } from './wire/replies.ts';
import { fieldsOf, type MessageShape, type Shape } from './wire/shape.ts';
import { CELLS } from './wire/structures.ts';
import { formatVersion } from './wire/version.ts';

const FIRST = '<!-- tables: written by scripts/vpci-page.ts -->';
const LAST = '<!-- end of tables -->';

/** `page` with everything between its two markers written anew from the layout tables. Throws RangeError without them. */
export function withProtocolTables(page: string): string {
  const [before, rest] = page.split(FIRST);
  const after = rest?.split(LAST)[1];
  if (before === undefined || after === undefined) throw new RangeError(`the page has no ${FIRST} … ${LAST}`);
  return `${before}${FIRST}\n\n${protocolTables()}\n\n${LAST}${after}`;
}

function protocolTables(): string {
  return [
    '### From guest to host',
    table(
      ['type', 'message', 'bytes', 'since', 'Linux asks for a completion', 'completed with', 'what happens'],
      Object.entries(GUEST_MESSAGES).map(([name, message]) => guestRow(name, message)),
    ),
    '### From host to guest',
    table(
      ['type', 'message', 'bytes', 'since', 'when'],
      Object.entries(HOST_MESSAGES).map(([name, message]) => [
        hexadecimal(message.messageType),
        name,
        size(message),
        formatVersion(message.since),
        message.effect,
      ]),
    ),
    '### Completions',
    table(
      ['completion', 'bytes', 'source'],
      Object.entries(REPLIES).map(([name, reply]) => [name, size(reply), reply.layout.source]),
    ),
    '### Fields',
    'Offsets and sizes in bytes, little-endian, nothing aligned. Bytes that no row names are zero and not looked at.',
    ...Object.entries({ ...GUEST_MESSAGES, ...HOST_MESSAGES }).map(([name, message]) => fieldTable(name, message)),
    ...Object.entries(REPLIES)
      .filter(([name]) => name !== 'EMPTY')
      .map(([name, reply]) => fieldTable(`Completion ${name}`, reply)),
    '### Structures',
    ...structures().map((shape) => fieldTable(shape.layout.name, shape)),
  ].join('\n\n');
}

function guestRow(name: string, message: GuestMessageShape): string[] {
  const { messageType, since, linux, reply, effect } = message;
  return [
    hexadecimal(messageType),
    name,
    size(message),
    since === 'not offered' ? since : formatVersion(since),
    linux === 'never sent' ? linux : linux === 'completion' ? 'yes' : 'no',
    reply ?? '–',
    effect,
  ];
}

/** Each structure once, though it stands in several cells. */
function structures(): Shape[] {
  const byName = new Map<string, Shape>(Object.values(CELLS).map(({ shape }) => [shape.layout.name, shape]));
  return [...byName.values()];
}

function size({ layout, tail }: MessageShape): string {
  return tail === undefined ? String(layout.sizeBytes) : `${layout.sizeBytes} + ${tail.cellBytes} × ${tail.countField}`;
}

function fieldTable(name: string, message: MessageShape): string {
  const rows = fieldsOf(message).map(([field, { offset, sizeBytes, meaning }]) => {
    const part = message.parts?.[field];
    const of = part === undefined ? '' : ` (${sizeBytes / part.cellBytes} × ${part.shape.layout.name})`;
    return [String(offset), String(sizeBytes), field, `${meaning}${of}`];
  });
  const { layout, tail } = message;
  if (tail !== undefined) {
    const { shape, cellBytes, countField, most } = tail;
    rows.push([
      String(layout.sizeBytes),
      `${cellBytes} each`,
      '',
      `${countField} × ${shape.layout.name}, at most ${most}`,
    ]);
  }
  return `**${name}** (${layout.source})\n\n${table(['offset', 'bytes', 'field', 'meaning'], rows)}`;
}

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  return [heads, heads.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function hexadecimal(value: number): string {
  return `0x${value.toString(16)}`;
}
