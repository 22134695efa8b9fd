import { GUEST_MESSAGES, type GuestMessageName, guestMessageName } from '../wire/guest-messages.ts';
import { formatVersion, VpciVersion } from '../wire/version.ts';
import { DEBIAN_MESSAGES, type SentMessage } from './debian-messages.ts';
import { FAULT_ROWS } from './host-fault-rows.ts';
import { HOST_FAULTS } from './host-faults.ts';
import { type GuestKind, World } from './machine/index.ts';

const FIRST = '<!-- tables: written by scripts/front-ends-page.ts -->';
const LAST = '<!-- end of tables -->';

/** `page` with everything between its two markers written anew, from runs of both front ends. Throws RangeError without them. */
export function withFrontEndTables(page: string): string {
  const [before, rest] = page.split(FIRST);
  const after = rest?.split(LAST)[1];
  if (before === undefined || after === undefined) throw new RangeError(`the page has no ${FIRST} … ${LAST}`);
  return `${before}${FIRST}\n\n${frontEndTables()}\n\n${LAST}${after}`;
}

function frontEndTables(): string {
  const linux = messagesOf('linux-style');
  const windows = messagesOf('windows-style');
  return [
    '## Message by message',
    'C: with a completion; then the bytes on the ring, and the versions it is sent in where those are not all of 1.1 to 1.4.',
    table(
      ['message', 'Debian 6.1 guest', 'Linux-style', 'Windows-style'],
      Object.keys(GUEST_MESSAGES).map((name) => [
        name,
        ...[DEBIAN_MESSAGES, linux, windows].map((sent) => describe(sent.get(name as GuestMessageName))),
      ]),
    ),
    '## A start, in order',
    'Version 1.4, one NVMe controller with three vectors; × n: n times in a row.',
    table(['', 'Linux-style', 'Windows-style'], startRows()),
    '## Faults of the host',
    'Each with the public bug of `pci-hyperv` or `hv_vmbus` that it once showed.',
    table(
      ['bug', 'fault', 'what the host does', 'what the Linux-style front end makes of it'],
      FAULT_ROWS.map(({ bug, cause, host, outcome }) => [
        bug,
        cause in HOST_FAULTS ? `\`${cause}\`` : cause,
        host,
        outcome,
      ]),
    ),
  ].join('\n\n');
}

/** Everything that a guest of that kind sends in its life, over all versions. */
export function messagesOf(kind: GuestKind): ReadonlyMap<GuestMessageName, SentMessage> {
  const sent = new Map<GuestMessageName, { completion: boolean; bytes: Set<number>; versions: Set<VpciVersion> }>();
  for (const version of Object.values(VpciVersion)) {
    for (const world of lives(kind, version)) {
      for (const { payload, completionRequested } of world.host.requests) {
        const name = guestMessageName(new DataView(payload.buffer, payload.byteOffset).getUint32(0, true));
        if (name === undefined) throw new Error(`a ${kind} guest sends a message that has no name`);
        const known = sent.get(name) ?? { completion: completionRequested, bytes: new Set(), versions: new Set() };
        if (known.completion !== completionRequested) throw new Error(`${name} with a completion, and without`);
        known.bytes.add(payload.byteLength);
        known.versions.add(version);
        sent.set(name, known);
      }
    }
  }
  return new Map(
    [...sent].map(([name, { completion, bytes, versions }]) => [
      name,
      { completion, bytes: [...bytes].sort((a, b) => a - b), versions: [...versions].sort((a, b) => a - b) },
    ]),
  );
}

/** One that is ejected in the end; one that rests, is moved about and leaves; one whose first entry into D0 is refused. */
function lives(kind: GuestKind, maxVersion: VpciVersion): World[] {
  const ejected = new World({ kind, maxVersion }).start();
  ejected.verify(1);
  ejected.machine.provider.eject();
  ejected.pass();
  ejected.rescind();
  ejected.pass();

  const left = new World({ kind, maxVersion }).start();
  left.guest.sleep();
  left.pass();
  left.guest.wake();
  left.pass();
  left.guest.rebalance?.();
  left.pass();
  left.guest.rebalance?.(true);
  left.pass();
  left.guest.leave();
  left.pass();

  return [ejected, left, new World({ kind, maxVersion, faults: [HOST_FAULTS['d0-invalid-state']()] }).start()];
}

function startRows(): string[][] {
  const [linux, windows] = (['linux-style', 'windows-style'] as const).map((kind) => {
    const world = new World({ kind }).start();
    const { configAccesses, retargets } = world.machine.counts;
    return { names: inARow(world.host.requests.map(({ name }) => name ?? '')), configAccesses, retargets };
  });
  if (linux === undefined || windows === undefined) throw new Error('two guests were started');
  const rows = Array.from({ length: Math.max(linux.names.length, windows.names.length) }, (_, i) => [
    String(i + 1),
    linux.names[i] ?? '',
    windows.names[i] ?? '',
  ]);
  return [
    ...rows,
    ['accesses to the config window', String(linux.configAccesses), String(windows.configAccesses)],
    ['retarget hypercalls', String(linux.retargets), String(windows.retargets)],
  ];
}

function inARow(names: readonly string[]): string[] {
  const runs: { readonly name: string; count: number }[] = [];
  for (const name of names) {
    const last = runs.at(-1);
    if (last?.name === name) last.count += 1;
    else runs.push({ name, count: 1 });
  }
  return runs.map(({ name, count }) => (count === 1 ? name : `${name} × ${count}`));
}

function describe(sent: SentMessage | undefined): string {
  if (sent === undefined) return '–';
  const { completion, bytes, versions } = sent;
  const all = Object.values(VpciVersion).every((version) => versions.includes(version));
  const [first, last] = [versions[0] ?? 0, versions.at(-1) ?? 0];
  const span = first === last ? formatVersion(first) : `${formatVersion(first)} to ${formatVersion(last)}`;
  return [completion ? 'C' : 'no C', bytes.join(' or '), ...(all ? [] : [span])].join(', ');
}

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  return [heads, heads.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
