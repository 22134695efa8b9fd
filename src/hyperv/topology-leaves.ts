import type { CpuidRegisters, CpuidTable } from './cpuid-table.ts';

/**
 * The topology that a guest sees: one package, `vpCount` cores, one thread a core, APIC id = VP index. Linux believes
 * whichever of these leaves it knows (6.1: arch/x86/kernel/cpu/topology.c, intel.c, amd.c, cacheinfo.c; 6.12:
 * topology_ext.c, topology_amd.c), so all of them have to tell the same story.
 */
export interface Topology {
  readonly vpIndex: number;
  readonly vpCount: number;
  /** AMD and Hygon carry core counts in extended leaves; Intel in leaf 4. */
  readonly amdLeaves: boolean;
}

const TOPOLOGY_LEAVES = [0xb, 0x1f] as const;
const LevelType = { INVALID: 0, SMT: 1, CORE: 2 } as const;
const TOPOEXT_BIT = 22;

export function applyTopology(table: CpuidTable, topology: Topology): void {
  const { vpIndex, vpCount, amdLeaves } = topology;
  applyLeaf1(table, vpIndex, vpCount);
  applyExtendedTopology(table, vpIndex, vpCount);
  if (amdLeaves) {
    applyAmdLeaves(table, vpIndex, vpCount);
  } else {
    applyIntelCacheLeaf(table, vpCount);
  }
}

/** How many APIC id bits tell `vpCount` cores apart. */
export function coreIdBits(vpCount: number): number {
  return 32 - Math.clz32(vpCount - 1);
}

function applyLeaf1(table: CpuidTable, vpIndex: number, vpCount: number): void {
  // EBX 31:24 initial APIC id, 23:16 logical processors, 15:8 CLFLUSH size, 7:0 brand.
  table.update(1, ({ ebx }) => ({ ebx: (vpIndex << 24) | (vpCount << 16) | (ebx & 0xffff) }));
  // HTT says only that the count above is meaningful.
  table.setBit(1, 'edx', 28, vpCount > 1);
}

/** Leaf 0xB always; 0x1F, which Linux prefers, only where the CPU has it. */
function applyExtendedTopology(table: CpuidTable, vpIndex: number, vpCount: number): void {
  const subleaves: CpuidRegisters[] = [
    // EAX: APIC id bits to shift away to get to the next level; EBX: logical processors at this level.
    { eax: 0, ebx: 1, ecx: LevelType.SMT << 8, edx: vpIndex },
    { eax: coreIdBits(vpCount), ebx: vpCount, ecx: (LevelType.CORE << 8) | 1, edx: vpIndex },
    { eax: 0, ebx: 0, ecx: (LevelType.INVALID << 8) | 2, edx: vpIndex },
  ];
  const maxLeaf = table.get(0)?.eax ?? 0;
  for (const leaf of TOPOLOGY_LEAVES) {
    if (leaf <= maxLeaf) {
      table.setSubleaves(leaf, subleaves);
    } else {
      table.remove(leaf);
    }
  }
}

/** Leaf 4 (Intel): level 3 is shared by the whole package, the levels below are each core's own. */
function applyIntelCacheLeaf(table: CpuidTable, vpCount: number): void {
  const addressableIds = 1 << coreIdBits(vpCount);
  table.update(4, ({ eax }) => {
    const cacheType = eax & 0x1f;
    if (cacheType === 0) {
      return {};
    }
    const sharing = cacheLevel(eax) >= 3 ? addressableIds : 1;
    // EAX 31:26 core ids in the package, less one; 25:14 ids that share this cache, less one.
    return { eax: ((addressableIds - 1) << 26) | ((sharing - 1) << 14) | (eax & 0x3fff) };
  });
}

/** AMD64 Architecture Programmer's Manual volume 3, appendix E. */
function applyAmdLeaves(table: CpuidTable, vpIndex: number, vpCount: number): void {
  // CmpLegacy: the count in leaf 1 is of cores, not of threads.
  table.setBit(0x80000001, 'ecx', 1, vpCount > 1);
  // ECX 7:0 cores less one, 15:12 core bits of the APIC id.
  table.update(0x80000008, ({ ecx }) => ({ ecx: (ecx & ~0xf0ff) | (coreIdBits(vpCount) << 12) | (vpCount - 1) }));
  // EAX 25:14: like leaf 4, but plain counts.
  table.update(0x8000001d, ({ eax }) => ({
    eax: (eax & 0x1f) === 0 ? eax : (((cacheLevel(eax) >= 3 ? vpCount : 1) - 1) << 14) | (eax & 0x3fff),
  }));
  const topologyExtensions = ((table.get(0x80000001)?.ecx ?? 0) >>> TOPOEXT_BIT) & 1;
  if (topologyExtensions === 1) {
    // EAX APIC id; EBX 7:0 core id, 15:8 threads a core less one; ECX 7:0 node id, 10:8 nodes less one.
    table.set(0x8000001e, { eax: vpIndex, ebx: vpIndex, ecx: 0, edx: 0 });
  }
}

function cacheLevel(eax: number): number {
  return (eax >>> 5) & 7;
}
