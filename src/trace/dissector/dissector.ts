import { type Field, HypercallStatus } from '../../hyperv/index.ts';
import { MESSAGE_FORMS, PacketType, VMBUS_MESSAGE_TYPE } from '../../vmbus/index.ts';
import {
  fieldsOf,
  GUEST_MESSAGES,
  HOST_MESSAGES,
  isHexadecimal,
  type Part,
  type Shape,
  tailName,
} from '../../vpci/index.ts';
import { OFFER_STATES, PacketProtocol, RECORD_VERSION, RecordDirection, RecordKind } from '../record-layouts.ts';
import { LUA_RUNTIME } from './lua-runtime.ts';
import {
  GUEST_SHAPES,
  HEADER_SHAPE,
  HOST_SHAPES,
  HYPERCALL_SHAPES,
  MESSAGE_SHAPES,
  type NamedShape,
  RECORD_SHAPES,
  REPLY_SHAPES,
} from './shape-names.ts';

type Lua = string | number | readonly Lua[] | { readonly [key: string]: Lua | undefined } | ReadonlyMap<number, Lua>;

const HEADING = `-- Wireshark and tshark: reads what \`dda trace --pcapng\` writes. Lua 5.2.
-- Written by \`node scripts/wireshark-dissector.ts\` from the tables that dda itself reads by; don't edit.
`;

/** All tables, each with a number that the others name it by: its place in the list, from 1 on. */
const SHAPES: readonly NamedShape[] = [
  HEADER_SHAPE,
  ...RECORD_SHAPES,
  ...[...HYPERCALL_SHAPES.values()].flat(),
  ...[...MESSAGE_SHAPES.values()].flat(),
  ...GUEST_SHAPES,
  ...HOST_SHAPES,
  ...REPLY_SHAPES,
];

/** The dissector, as `packaging/wireshark/dda.lua` holds it. */
export function wiresharkDissector(): string {
  const constants: Readonly<Record<string, Lua>> = {
    VERSION: RECORD_VERSION,
    VMBUS_MESSAGE_TYPE,
    COMPLETION: PacketType.completion,
    VPCI: PacketProtocol.vpci,
    STATUS: numberOf(named(REPLY_SHAPES, 'dda.vpci.completion.STATUS')),
    VALUES: valueNames(),
    SHAPES: SHAPES.map(luaShape),
  };
  const tables: Readonly<Record<string, Lua>> = {
    HYPERCALLS: new Map(
      [...HYPERCALL_SHAPES].map(([code, shapes]) => [
        code,
        shapes.map((one) => ({ name: one.shape.layout.name, shape: numberOf(one), when: [] })),
      ]),
    ),
    MESSAGES: new Map([...MESSAGE_SHAPES].map(([type, shapes]) => [type, shapes.map((one, i) => form(type, one, i))])),
    GUEST: new Map(
      Object.entries(GUEST_MESSAGES).map(([name, { messageType, reply }]) => [
        messageType,
        {
          name,
          shape: numberOf(named(GUEST_SHAPES, `dda.vpci.${name}`)),
          reply: numberOf(named(REPLY_SHAPES, `dda.vpci.completion.${reply ?? 'STATUS'}`)),
        },
      ]),
    ),
    HOST: new Map(
      Object.entries(HOST_MESSAGES).map(([name, { messageType }]) => [
        messageType,
        { name, shape: numberOf(named(HOST_SHAPES, `dda.vpci.${name}`)) },
      ]),
    ),
  };
  const kinds = RECORD_SHAPES.map((one) => `  ${one.prefix.slice('dda.'.length)} = SHAPES[${numberOf(one)}],`);
  return [
    HEADING,
    ...[constants, tables].flatMap((group) =>
      Object.entries(group).map(([name, value]) => `local ${name} = ${lua(value, '')}\n`),
    ),
    `local HEADER = SHAPES[${numberOf(HEADER_SHAPE)}]\n`,
    `local RECORDS = {\n${kinds.join('\n')}\n}\n`,
    LUA_RUNTIME,
  ].join('');
}

function form(type: number, one: NamedShape, index: number): Lua {
  const when = MESSAGE_FORMS.get(type)?.[index]?.when ?? [];
  return { name: one.shape.layout.name, shape: numberOf(one), when: when.map((condition) => ({ ...condition })) };
}

function valueNames(): Lua {
  const byNumber = (names: Readonly<Record<string, number>>): Lua =>
    new Map(Object.entries(names).map(([name, value]) => [value, name]));
  return {
    'dda.kind': byNumber(RecordKind),
    'dda.direction': byNumber(RecordDirection),
    'dda.protocol': byNumber(PacketProtocol),
    'dda.hypercall.status': byNumber(HypercallStatus),
    'dda.packet.packetType': new Map([
      [PacketType.inBand, 'in-band'],
      [PacketType.completion, 'completion'],
    ]),
    'dda.channel.state': new Map(OFFER_STATES.map((state, index) => [index, state])),
  };
}

function luaShape({ prefix, shape }: NamedShape): Lua {
  const { tail } = shape;
  return {
    prefix,
    size: shape.layout.sizeBytes,
    fields: luaFields(shape),
    tail: tail && {
      name: tailName(tail.countField),
      count: tail.countField,
      most: tail.most,
      ...luaPart(tail),
    },
  };
}

function luaFields(shape: Shape): Lua {
  return fieldsOf(shape).map(([name, field]) => luaField(name, field, shape.parts?.[name]));
}

function luaField(name: string, { type, offset, sizeBytes, meaning }: Field, part: Part | undefined): Lua {
  const base = isHexadecimal(name, type) ? 'hex' : 'dec';
  return { name, offset, size: sizeBytes, kind: type, base, meaning, part: part && luaPart(part) };
}

function luaPart({ shape, cellBytes }: Part): { readonly cell: number; readonly fields: Lua } {
  return { cell: cellBytes, fields: luaFields(shape) };
}

function numberOf(one: NamedShape): number {
  return SHAPES.indexOf(one) + 1;
}

function named(shapes: readonly NamedShape[], prefix: string): NamedShape {
  const found = shapes.find((one) => one.prefix === prefix);
  if (found === undefined) throw new RangeError(`no table ${prefix}`);
  return found;
}

const NARROW = 150;

/** A value as Lua has it. */
function lua(value: Lua, indent: string): string {
  if (typeof value === 'number') return String(value);
  // JSON's escapes are Lua's too, save \u, which no table has a need for.
  if (typeof value === 'string') return JSON.stringify(value);
  const deeper = `${indent}  `;
  const entries = entriesOf(value).map(([key, part]) => `${key}${lua(part, deeper)}`);
  const line = `{ ${entries.join(', ')} }`;
  if (entries.length === 0) return '{}';
  return line.length + indent.length <= NARROW && !line.includes('\n')
    ? line
    : `{\n${entries.map((entry) => `${deeper}${entry},\n`).join('')}${indent}}`;
}

function entriesOf(value: Exclude<Lua, string | number>): (readonly [string, Lua])[] {
  if (value instanceof Map) return [...value].map(([key, part]) => [`[${key}] = `, part] as const);
  if (Array.isArray(value)) return value.map((part: Lua) => ['', part] as const);
  return Object.entries(value).flatMap(([key, part]) =>
    part === undefined ? [] : [[/^[a-z_]\w*$/i.test(key) ? `${key} = ` : `["${key}"] = `, part as Lua] as const],
  );
}
