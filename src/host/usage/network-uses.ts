import { parseNumber } from '../tree/host-tree.ts';
import type { HostTree } from '../tree/host-tree.ts';
import { append, functionOnPath } from './device-paths.ts';
import { UseKind } from './function-usage.ts';
import type { HostUse } from './function-usage.ts';

const netPath = '/sys/class/net';
/** Linux include/uapi/linux/if.h. */
const interfaceUpFlag = 0x1;

export interface NetworkInterfaces {
  /** Interface names by function name. */
  readonly interfacesOf: ReadonlyMap<string, readonly string[]>;
  readonly usesOf: (interfaceName: string) => HostUse[];
}

export function readNetworkInterfaces(tree: HostTree): NetworkInterfaces {
  const interfacesOf = new Map<string, string[]>();
  for (const name of tree.list(netPath)) {
    const path = tree.real(`${netPath}/${name}`);
    const fn = path === undefined ? undefined : functionOnPath(path);
    if (fn !== undefined) append(interfacesOf, fn, name);
  }
  const routed = defaultRouteInterfaces(tree);
  return { interfacesOf, usesOf: (name) => usesOf(tree, routed, name) };
}

function usesOf(tree: HostTree, routed: ReadonlySet<string>, name: string): HostUse[] {
  const uppers = upperInterfaces(tree, name);
  const through = [name, ...uppers].find((candidate) => routed.has(candidate));
  if (through !== undefined) {
    return [
      {
        kind: UseKind.defaultRoute,
        sentence: `The host's default route goes through ${through}${through === name ? '' : `, which is built on ${name}`}.`,
        breaks: 'The host would lose its network, and you perhaps your session on it.',
        remedy: `Move the default route to another interface first (ip route), or work from the host's own console.`,
        needed: true,
      },
    ];
  }
  if (uppers.length > 0) {
    return [
      {
        kind: UseKind.interfaceMember,
        sentence: `${name} belongs to ${uppers.join(', ')}.`,
        breaks: `${uppers.join(', ')} would lose a member.`,
        remedy: `Take it out first: ip link set ${name} nomaster`,
        needed: true,
      },
    ];
  }
  const flags = parseNumber(tree.text(`${netPath}/${name}/flags`)) ?? 0;
  if ((flags & interfaceUpFlag) === 0) return [];
  return [
    {
      kind: UseKind.interfaceUp,
      sentence: `The network interface ${name} is up.`,
      breaks: `Connections over ${name} would end.`,
      remedy: `Take it down first if nothing needs it: ip link set ${name} down`,
      needed: false,
    },
  ];
}

/** Interfaces above it: bridges, bonds, VLANs, … and those above them. */
function upperInterfaces(tree: HostTree, name: string): string[] {
  const found = new Set<string>();
  const todo = [name];
  for (let here = todo.shift(); here !== undefined; here = todo.shift()) {
    for (const entry of tree.list(`${netPath}/${here}`)) {
      if (!entry.startsWith('upper_')) continue;
      const upper = entry.slice('upper_'.length);
      if (upper === name || found.has(upper)) continue;
      found.add(upper);
      todo.push(upper);
    }
  }
  return [...found];
}

/** Interfaces with a route to everywhere. Tables as Linux net/ipv4/fib_trie.c and net/ipv6/route.c print them. */
function defaultRouteInterfaces(tree: HostTree): Set<string> {
  const found = new Set<string>();
  for (const line of (tree.text('/proc/net/route') ?? '').split('\n').slice(1)) {
    const [name, destination, , , , , , mask] = line.trim().split(/\s+/);
    if (name !== undefined && destination === '00000000' && mask === '00000000') found.add(name);
  }
  for (const line of (tree.text('/proc/net/ipv6_route') ?? '').split('\n')) {
    const fields = line.trim().split(/\s+/);
    const [destination, prefixLength, , , , , , , , name] = fields;
    // The kernel's own "unreachable" entry for everywhere stands on lo.
    if (name !== undefined && name !== 'lo' && destination === '0'.repeat(32) && prefixLength === '00') found.add(name);
  }
  return found;
}
