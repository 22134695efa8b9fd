import { ioctlTable } from './ioctl-table.ts';
import type { Row } from './phase.ts';
import { refusals, systemCallTable } from './system-call-table.ts';

const FIRST = '<!-- tables: written by scripts/hardening-page.ts -->';
const LAST = '<!-- end of tables -->';

/** `page` with everything between its two markers written anew from the tables. Throws RangeError without them. */
export function withLockupTables(page: string): string {
  const [before, rest] = page.split(FIRST);
  const after = rest?.split(LAST)[1];
  if (before === undefined || after === undefined) throw new RangeError(`the page has no ${FIRST} … ${LAST}`);
  return `${before}${FIRST}\n\n${tables()}\n\n${LAST}${after}`;
}

function tables(): string {
  return [
    '### While the guest runs',
    systemCalls('always'),
    '### Until it runs, besides',
    systemCalls('start'),
    '### Requests of `ioctl`',
    table(
      ['request', 'number', 'until', 'what for'],
      ioctlTable.map(({ ioctl, until, why }) => [
        `\`${ioctl.name}\``,
        `0x${ioctl.number.toString(16)}`,
        until === 'always' ? 'its end' : 'the guest runs',
        why,
      ]),
    ),
    '### What the others fail with',
    table(
      ['calls', 'errno', 'why'],
      [
        ...refusals.map(({ calls, errno, why }) => [list(calls), `\`${errno}\``, why]),
        ['all others, and those above under other conditions', '`EPERM`', 'nothing here makes them'],
        [
          'numbers newer than Linux 5.17, numbers of the x32 ABI',
          '`ENOSYS`',
          'as a kernel without them answers: libraries have another way then',
        ],
        ['calls of another architecture (`int 0x80`)', 'the process ends', 'their numbers mean other calls'],
      ],
    ),
  ].join('\n\n');
}

function systemCalls(until: Row['until']): string {
  return table(
    ['system calls', 'under which conditions', 'what for'],
    systemCallTable.filter((row) => row.until === until).map(({ calls, only, why }) => [list(calls), only ?? '', why]),
  );
}

function list(calls: readonly string[]): string {
  return calls.map((call) => `\`${call}\``).join(', ');
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
