import { type Defect, defectsOf } from './defect.ts';

export const nvmeDefects: readonly Defect[] = [
  ...defectsOf('nvme', 'src/functions/software-nvme', [
    ['command.ts', 'half of a command id', 'commandId: first >>> 16', 'commandId: (first >>> 16) & 0xff'],
    ['namespace.ts', 'blocks behind the end', 'blocks > total - start', 'blocks > total'],
    [
      'io-commands.ts',
      'a range that is none',
      'if (range === undefined) return NvmeStatus.lbaOutOfRange;\n    const places',
      'const places',
    ],
    [
      'io-commands.ts',
      'a read-only namespace takes zeros',
      '#writeZeroes(namespace: Namespace, command: NvmeCommand, respond: Respond): void {\n    if (namespace.storage.readOnly) return respond(NvmeStatus.namespaceWriteProtected);',
      '#writeZeroes(namespace: Namespace, command: NvmeCommand, respond: Respond): void {',
    ],
    [
      'data-pointer.ts',
      'memory that is not there',
      'if (place === undefined) this.#isRam &&= this.#addPages();\n    else this.#places.push(place);',
      'this.#places.push(place as MemoryPlace);',
    ],
    [
      'admin-commands.ts',
      'a namespace that there is not is formatted',
      'one === undefined ? [] : [one];',
      '[one as Namespace];',
    ],
    ['queue-commands.ts', 'a queue is created twice', '|| taken.has(id)', ''],
    [
      'queues.ts',
      'a place behind the end of the ring',
      'if (this.tail < this.entries) return;',
      'if (this.tail <= this.entries) return;',
    ],
    [
      'queue-engine.ts',
      'what was abandoned is answered',
      'if (request.abandoned) return;\n    request.abandoned = true;',
      '',
    ],
    ['completer.ts', 'completions are written over', 'while (!queue.full) {', 'for (;;) {'],
    [
      'register-file.ts',
      'a read over the end',
      'BigInt(this.#bytes[offset + i] ?? 0)',
      'BigInt(this.#bytes[offset + i] as number)',
    ],
    ['features.ts', 'more queues than there are', '+ 1, this.#limits.queuePairs);', '+ 1, 0xffff);'],
    [
      'identify.ts',
      'a namespace that there is not',
      'case Structure.descriptors: {\n      const namespace = namespaces[namespaceId - 1];\n      return namespace === undefined ?',
      'case Structure.descriptors: {\n      const namespace = namespaces[namespaceId - 1] as Namespace;\n      return namespaceId === 77 ?',
    ],
    [
      'controller.ts',
      'memory is written while the bus is not mastered',
      'return this.#busMaster && !this.#faults.gone',
      'return !this.#faults.gone',
    ],
  ]),
];
