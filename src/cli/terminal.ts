import { styleText } from 'node:util';

/** Where a command writes: results to `output`, progress and refusals to `notices`. */
export interface Terminal {
  output(text: string): void;
  notices(text: string): void;
  /** Colour where the output is a terminal and NO_COLOR isn't set; plain text otherwise. */
  style(style: Style, text: string): string;
  /** How many columns a line may have; undefined: it goes to a file or a pipe, and isn't cut. */
  readonly columns: number | undefined;
}

export type Style = 'bold' | 'dim' | 'green' | 'yellow' | 'red';

export function processTerminal(): Terminal {
  return {
    output: (text) => process.stdout.write(text),
    notices: (text) => process.stderr.write(text),
    style: (style, text) => styleText(style, text, { stream: process.stdout }),
    columns: process.stdout.isTTY ? process.stdout.columns : undefined,
  };
}
