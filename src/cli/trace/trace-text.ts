import { formatChannel, formatMessage, formatTime, type TraceRecord } from '../../trace/index.ts';
import type { Style, Terminal } from '../terminal.ts';

/** `0000:01:00.0`, and a space. */
const CHANNEL_COLUMN = 13;
const ARROWS: Readonly<Record<TraceRecord['direction'], string>> = {
  'guest-to-host': '->',
  'host-to-guest': '<-',
  none: '--',
};
const STYLES: Readonly<Record<TraceRecord['kind'], Style | undefined>> = {
  hypercall: 'dim',
  signal: 'dim',
  message: undefined,
  packet: 'green',
  channel: 'bold',
};

/** One line: the time of day (UTC, microseconds), which way, which channel, and the message with its fields. */
export function traceLine(terminal: Terminal, record: TraceRecord): string {
  const time = formatTime(record.timeNs).slice('2026-01-02T'.length, -'789Z'.length);
  const channel = formatChannel(record).padEnd(CHANNEL_COLUMN);
  const message = formatMessage(record);
  const end = message.indexOf(' ');
  const [name, rest] = end === -1 ? [message, ''] : [message.slice(0, end), message.slice(end)];
  const isRefused = record.status !== undefined && record.status !== 'SUCCESS';
  const style = isRefused ? 'yellow' : STYLES[record.kind];
  return `${terminal.style('dim', time)} ${ARROWS[record.direction]} ${channel} ${style === undefined ? name : terminal.style(style, name)}${rest}\n`;
}

/** In place of records that are gone. */
export function lostLine(terminal: Terminal, count: number): string {
  return `${terminal.style('yellow', `… ${count} record${count === 1 ? '' : 's'} lost: nobody read them in time`)}\n`;
}
