import * as z from 'zod';
import { Descriptor } from './descriptors.ts';
import { vmEvents, vmRequests, vmResults } from './protocol.ts';

const FIRST = '<!-- tables: written by scripts/vm-process-page.ts -->';
const LAST = '<!-- end of tables -->';

/** What each descriptor is, for people. */
const descriptorMeanings: Record<keyof typeof Descriptor, string> = {
  listener: 'the listening socket that managers connect to',
  spec: 'a sealed memory file: name, memory, vCPUs, command line, … as JSON',
  kvm: '`/dev/kvm`; closed when the VM is created',
  kernel: "the guest's kernel, for reading; closed when it is read",
  initrd: 'its initramfs, for reading, or `/dev/null`; closed when it is read',
  dma: '`/dev/vfio/vfio`, an empty container, or `/dev/iommu`; `/dev/null` where the host has neither',
  gate: 'a socket on which the manager says that the limits are in force, the process that it has loaded everything, and the manager that its file system is empty; closed then',
  firstDisk: 'and those that follow: the files of its disks, locked, one each',
};

/** `page` with everything between its two markers written anew from the schemas. Throws RangeError without them. */
export function withProtocolTables(page: string): string {
  const [before, rest] = page.split(FIRST);
  const after = rest?.split(LAST)[1];
  if (before === undefined || after === undefined) throw new RangeError(`the page has no ${FIRST} … ${LAST}`);
  return `${before}${FIRST}\n\n${tables()}\n\n${LAST}${after}`;
}

function tables(): string {
  return [
    '### Descriptors',
    table(
      ['number', 'what it is'],
      Object.entries(descriptorMeanings).map(([name, meaning]) => [
        String(Descriptor[name as keyof typeof Descriptor]),
        meaning,
      ]),
    ),
    '### Requests',
    table(
      ['`op`', 'fields beside `id`', 'result', 'what happens'],
      Object.entries(vmRequests).map(([op, schema]) => [
        `\`${op}\``,
        fields(schema, ['id', 'op']),
        fields(vmResults[op as keyof typeof vmResults], []),
        schema.description ?? '',
      ]),
    ),
    '### Events',
    table(
      ['`event`', 'fields', 'what it says'],
      Object.entries(vmEvents).map(([name, schema]) => [
        `\`${name}\``,
        fields(schema, ['event']),
        schema.description ?? '',
      ]),
    ),
  ].join('\n\n');
}

function fields(schema: z.ZodObject, without: readonly string[]): string {
  return Object.entries(schema.shape)
    .filter(([name]) => !without.includes(name))
    .map(([name, field]) => {
      const optional = field instanceof z.ZodOptional;
      const meaning = describe(field);
      return `\`${name}${optional ? '?' : ''}\`${meaning === '' ? '' : ` (${meaning})`}`;
    })
    .join(', ');
}

function describe(field: unknown): string {
  if (!(field instanceof z.ZodType)) return '';
  if (field.description !== undefined) return field.description;
  if (field instanceof z.ZodOptional) return describe(field.unwrap());
  if (field instanceof z.ZodEnum) return field.options.map((option) => `\`${option}\``).join(', ');
  if (field instanceof z.ZodArray) return `list of: ${describe(field.element)}`;
  return '';
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
