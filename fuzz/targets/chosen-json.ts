import type { Choices } from '../engine/choices.ts';

/** As much of JSON Schema as zod and OpenAPI documents here use. */
export interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly $ref?: string;
}

export type JsonDefinitions = Readonly<Record<string, JsonSchema>>;

/** Texts that one pattern or another takes, and some that none does. */
const TEXTS = [
  '0000:01:00.0',
  '0000:02:00.0',
  '0000:01:00.1',
  '0000:01:00.0/x',
  '12',
  '7',
  'web',
  'db',
  'default',
  'fast',
  '0x1f',
  'QUJDRA==',
  'lend-refused',
  '/boot/vmlinuz',
  'quiet',
  '0108',
  '02:00:00:00:00:01',
  '5000',
  'host',
  'pool',
  '',
  '\u001b[2J\u202e',
  '../../etc/passwd',
  '\ud800',
  'x'.repeat(300),
] as const;
const MOST_DEPTH = 6;

/** A value that a schema takes, mostly. */
export function chosenJson(schema: JsonSchema, choices: Choices, definitions: JsonDefinitions, depth = 0): unknown {
  if (choices.chance(4)) return anyJson(choices, 2);
  if (schema.$ref !== undefined) {
    const named = definitions[schema.$ref.slice(schema.$ref.lastIndexOf('/') + 1)];
    return named === undefined || depth > MOST_DEPTH ? null : chosenJson(named, choices, definitions, depth + 1);
  }
  if (schema.const !== undefined) return schema.const;
  if (schema.enum !== undefined) return choices.pick(schema.enum);
  const alternatives = schema.anyOf ?? schema.oneOf;
  if (alternatives !== undefined) return chosenJson(choices.pick(alternatives) ?? {}, choices, definitions, depth + 1);
  const type = typeof schema.type === 'string' ? schema.type : choices.pick(schema.type ?? ['object']);
  switch (type) {
    case 'object':
      return chosenObject(schema, choices, definitions, depth);
    case 'array': {
      const count = choices.chance(4) ? choices.below(400) : Math.max(schema.minItems ?? 0, choices.below(3));
      const item = schema.items ?? {};
      return Array.from({ length: count }, () => chosenJson(item, choices, definitions, depth + 1));
    }
    case 'string':
      return chosenText(schema, choices);
    case 'integer':
    case 'number':
      return chosenNumber(schema, choices);
    case 'boolean':
      return choices.chance(128);
    case undefined:
    default:
      return null;
  }
}

function chosenObject(schema: JsonSchema, choices: Choices, definitions: JsonDefinitions, depth: number): unknown {
  const required = new Set(schema.required);
  const entries: [string, unknown][] = [];
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const present = required.has(name) ? !choices.chance(6) : choices.chance(96);
    if (present) entries.push([name, chosenJson(property, choices, definitions, depth + 1)]);
  }
  if (choices.chance(6))
    entries.push([choices.pick(['extra', '__proto__', 'constructor', 'toString'] as const), anyJson(choices, 1)]);
  return Object.fromEntries(entries);
}

function chosenText({ pattern }: JsonSchema, choices: Choices): string {
  const text = choices.pick(TEXTS);
  if (pattern === undefined || choices.chance(12)) return text;
  const fits = new RegExp(pattern, 'u');
  return fits.test(text) ? text : (TEXTS.filter((each) => fits.test(each))[choices.below(3)] ?? text);
}

function chosenNumber({ minimum = 0, exclusiveMinimum, maximum = 2 ** 31 }: JsonSchema, choices: Choices): number {
  if (choices.chance(12)) return choices.pick([-1, 0.5, 1e300, 2 ** 53, -0, minimum - 1, maximum + 1] as const);
  const least = exclusiveMinimum === undefined ? minimum : exclusiveMinimum + 1;
  return choices.chance(96) ? Math.min(maximum, least + choices.word()) : Math.min(maximum, least + choices.below(4));
}

/** What no schema asks for. */
function anyJson(choices: Choices, depth: number): unknown {
  switch (choices.below(depth > 0 ? 7 : 5)) {
    case 0:
      return null;
    case 1:
      return choices.word() - 8;
    case 2:
      return choices.pick(TEXTS);
    case 3:
      return choices.chance(128);
    case 4:
      return choices.word() * 1e290;
    case 5:
      return [anyJson(choices, depth - 1), anyJson(choices, depth - 1)];
    default:
      return { [choices.pick(TEXTS)]: anyJson(choices, depth - 1) };
  }
}

/** Text that is JSON, or nearly. */
export function chosenJsonText(value: unknown, choices: Choices): Uint8Array {
  const text = JSON.stringify(value) ?? '';
  const bytes = Uint8Array.from(Buffer.from(choices.chance(4) ? '['.repeat(choices.below(4000)) + text : text));
  if (!choices.chance(8) || bytes.length === 0) return bytes;
  if (choices.chance(128)) return bytes.subarray(0, choices.below(bytes.length));
  for (let times = 1 + choices.below(3); times > 0; times -= 1) bytes[choices.below(bytes.length)] = choices.byte();
  return bytes;
}
