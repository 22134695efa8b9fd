/** The bounds of what travels over a control socket, apart from what it means (`protocol.ts`, which takes long to load). */

/** Bytes, the line feed not counted. */
export const MAX_REQUEST_BYTES = 4096;
export const MAX_REPLY_BYTES = 256 * 1024;

/** A line as JSON; undefined when it isn't any. */
export function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
