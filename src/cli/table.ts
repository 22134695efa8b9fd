import type { Style, Terminal } from './terminal.ts';

export interface Cell {
  readonly text: string;
  readonly style?: Style;
}

/** Columns as wide as their widest cell; the last is cut where the terminal ends. Two blanks between columns. */
export function formatTable(terminal: Terminal, header: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const plainRows = rows.map((row) => row.map((cell) => ({ ...cell, text: plain(cell.text) })));
  const all = [header.map((text): Cell => ({ text, style: 'bold' })), ...plainRows];
  const widths = header.map((_, column) => Math.max(...all.map((row) => row[column]?.text.length ?? 0)));
  const lines = all.map((row) => {
    let used = 0;
    return row
      .map((cell, column) => {
        const last = column === row.length - 1;
        const width = widths[column] ?? 0;
        const room = last && terminal.columns !== undefined ? Math.max(terminal.columns - used, 8) : Infinity;
        used += width + 2;
        const text = cell.text.length > room ? `${cell.text.slice(0, room - 1)}…` : cell.text;
        const styled = cell.style === undefined ? text : terminal.style(cell.style, text);
        return last ? styled : styled + ' '.repeat(width - text.length);
      })
      .join('  ')
      .trimEnd();
  });
  return `${lines.join('\n')}\n`;
}

/** Breaks a text at blanks so that it fits; the lines after the first begin with `indent`. */
export function wrap(terminal: Terminal, text: string, first: string, indent: string): string {
  const width = terminal.columns ?? 110;
  const lines: string[] = [];
  let line = first;
  let empty = true;
  for (const word of plain(text).split(' ')) {
    if (!empty && line.length + 1 + word.length > width) {
      lines.push(line);
      line = indent;
      empty = true;
    }
    line += empty ? word : ` ${word}`;
    empty = false;
  }
  lines.push(line);
  return lines.join('\n');
}

/** Names of mount points, volumes and interfaces are other people's: a terminal would obey control characters in them. */
function plain(text: string): string {
  return text.replace(/\p{Cc}/gu, '?');
}
