import type { NvmeAdminCommand, NvmeCompletion } from '../../linux/index.ts';

/** An NVMe controller with virtualization management: what it has to share out. */
export interface NvmeDescription {
  readonly queues: number;
  readonly interrupts: number;
  readonly secondaries: number;
  /** Kept by the primary controller, of each kind. */
  readonly primary?: number;
  /** The most for one secondary controller, of each kind; default 8. */
  readonly most?: number;
}

interface Secondary {
  online: boolean;
  queues: number;
  interrupts: number;
}

const refused = {
  invalidOpcode: 0x001,
  invalidField: 0x002,
  noSuchController: 0x11f,
  wrongState: 0x120,
  tooMany: 0x121,
  noneLeft: 0x122,
} as const;
const firstSecondaryId = 1;

/** A controller that follows the NVM Express Base Specification in what dda asks of one, byte by byte. */
export class FakeNvme {
  readonly commands: NvmeAdminCommand[] = [];
  readonly secondaries: Secondary[];
  readonly #has: Required<NvmeDescription>;

  constructor(description: NvmeDescription) {
    this.#has = { primary: 0, most: 8, ...description };
    this.secondaries = Array.from({ length: description.secondaries }, () => ({
      online: false,
      queues: 0,
      interrupts: 0,
    }));
  }

  /** Sends commands until one is refused. */
  send(commands: readonly NvmeAdminCommand[]): NvmeCompletion[] {
    const completions: NvmeCompletion[] = [];
    for (const command of commands) {
      this.commands.push(command);
      const completion = this.#answer(command);
      completions.push(completion);
      if (completion.status !== 0) break;
    }
    return completions;
  }

  /** The kernel has taken the virtual functions away: their controllers go offline and keep their shares. */
  functionsGone(): void {
    for (const secondary of this.secondaries) secondary.online = false;
  }

  #answer({ opcode, cdw10, cdw11 }: NvmeAdminCommand): NvmeCompletion {
    if (opcode === 0x06) return this.#identify(cdw10 & 0xff, cdw10 >>> 16);
    if (opcode !== 0x1c) return status(refused.invalidOpcode);
    const secondary = this.secondaries[(cdw10 >>> 16) - firstSecondaryId];
    if (secondary === undefined) return status(refused.noSuchController);
    const kind = ((cdw10 >>> 8) & 7) === 0 ? 'queues' : 'interrupts';
    switch (cdw10 & 0xf) {
      case 7:
        secondary.online = false;
        return status(0);
      case 8:
        return status(this.#assign(secondary, kind, cdw11));
      case 9:
        if (secondary.queues < 2 || secondary.interrupts < 1) return status(refused.wrongState);
        secondary.online = true;
        return status(0);
      default:
        return status(refused.invalidField);
    }
  }

  #assign(secondary: Secondary, kind: 'queues' | 'interrupts', count: number): number {
    if (secondary.online) return refused.wrongState;
    if (count > this.#has.most) return refused.tooMany;
    if (count - secondary[kind] > this.#has[kind] - this.#has.primary - this.#assigned(kind)) return refused.noneLeft;
    secondary[kind] = count;
    return 0;
  }

  #assigned(kind: 'queues' | 'interrupts'): number {
    return this.secondaries.reduce((sum, each) => sum + each[kind], 0);
  }

  #identify(structure: number, id: number): NvmeCompletion {
    const data = new Uint8Array(4096);
    const view = new DataView(data.buffer);
    if (structure === 0x01) view.setUint16(256, 1 << 7, true);
    else if (structure === 0x14) {
      view.setUint8(4, 3);
      for (const [at, kind] of [
        [32, 'queues'],
        [64, 'interrupts'],
      ] as const) {
        view.setUint32(at, this.#has[kind], true);
        view.setUint32(at + 4, this.#assigned(kind), true);
        view.setUint16(at + 8, this.#has.primary, true);
        view.setUint16(at + 12, this.#has.most, true);
        view.setUint16(at + 14, 1, true);
      }
    } else if (structure === 0x15) {
      const entries = this.secondaries
        .map((each, index) => ({ ...each, id: firstSecondaryId + index, number: index + 1 }))
        .filter((each) => each.id >= id)
        .slice(0, 127);
      view.setUint8(0, entries.length);
      for (const [index, entry] of entries.entries()) {
        const at = 32 + index * 32;
        view.setUint16(at, entry.id, true);
        view.setUint8(at + 4, entry.online ? 1 : 0);
        view.setUint16(at + 8, entry.number, true);
        view.setUint16(at + 10, entry.queues, true);
        view.setUint16(at + 12, entry.interrupts, true);
      }
    } else return status(refused.invalidField);
    return { status: 0, result: 0, data };
  }
}

function status(code: number): NvmeCompletion {
  return { status: code, result: 0, data: new Uint8Array(0) };
}
