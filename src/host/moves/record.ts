/** Who did something, told apart from a later process with the same id by when it started. */
export interface ProcessMark {
  readonly processId: number;
  /** Clock ticks after boot: field 22 of /proc/PID/stat. */
  readonly startTicks: number;
}

/** What must be known to give a dismounted function back, kept from before the first act until it is home. */
export interface DismountRecord {
  readonly function: string;
  /** `1b36:0010`: a record isn't for another device that took the same place later. */
  readonly ids: string;
  /** Undefined: no driver had it. */
  readonly hostDriver: string | undefined;
  readonly previousOverride: string | undefined;
  /** ISO 8601. */
  readonly dismountedAt: string;
  /** Set when it was dismounted only for as long as that process runs. */
  readonly borrower: (ProcessMark & { readonly command: string }) | undefined;
}

/** An act on a function that didn't end in time: the process that does it is still in the kernel. */
export interface StuckAct extends ProcessMark {
  readonly function: string;
  /** Continues "tried to …". */
  readonly intent: string;
}

/** What `sriov_drivers_autoprobe` of a physical function was before a creation of virtual functions turned it off. */
export interface AutoprobeNote {
  readonly function: string;
  readonly on: boolean;
}

const recordVersion = 1;

export function encodeRecord(record: DismountRecord | StuckAct | AutoprobeNote): string {
  return `${JSON.stringify({ version: recordVersion, ...record }, null, 2)}\n`;
}

/** Undefined for a text that isn't a record of this version. */
export function decodeRecord(text: string): DismountRecord | undefined {
  const value = parseObject(text);
  if (value === undefined || value['version'] !== recordVersion) return undefined;
  const { function: name, ids, hostDriver, previousOverride, dismountedAt } = value;
  if (typeof name !== 'string' || typeof ids !== 'string' || typeof dismountedAt !== 'string') return undefined;
  if (!isOptionalString(hostDriver) || !isOptionalString(previousOverride)) return undefined;
  const borrower = value['borrower'] === undefined ? undefined : decodeMark(value['borrower'], 'command');
  if (borrower === null) return undefined;
  return {
    function: name,
    ids,
    hostDriver,
    previousOverride,
    dismountedAt,
    borrower: borrower && { ...borrower.mark, command: borrower.text },
  };
}

/** Undefined for a text that isn't one of this version. */
export function decodeStuckAct(text: string): StuckAct | undefined {
  const value = parseObject(text);
  if (value === undefined || value['version'] !== recordVersion || typeof value['function'] !== 'string')
    return undefined;
  const act = decodeMark(value, 'intent');
  return act === null ? undefined : { function: value['function'], ...act.mark, intent: act.text };
}

/** Undefined for a text that isn't one of this version. */
export function decodeAutoprobe(text: string): AutoprobeNote | undefined {
  const value = parseObject(text);
  if (value === undefined || value['version'] !== recordVersion) return undefined;
  const { function: name, on } = value;
  return typeof name === 'string' && typeof on === 'boolean' ? { function: name, on } : undefined;
}

/** Null: it is malformed. */
function decodeMark(value: unknown, textKey: string): { mark: ProcessMark; text: string } | null {
  if (!isObject(value)) return null;
  const { processId, startTicks, [textKey]: text } = value;
  if (typeof processId !== 'number' || typeof startTicks !== 'number' || typeof text !== 'string') return null;
  return { mark: { processId, startTicks }, text };
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isOptionalString(value: unknown): value is string | undefined {
  return value === undefined || typeof value === 'string';
}
