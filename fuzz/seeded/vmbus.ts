import { type Defect, defectsOf } from './defect.ts';

const DIRECTORY = 'src/vmbus';

export const vmbusDefects: readonly Defect[] = [
  ...defectsOf('vmbus', DIRECTORY, [
    [
      'messages/decode-guest-message.ts',
      'a message may be shorter than its layout',
      'if (payload.byteLength < layout.sizeBytes) return shorter(layout.name, payload, layout.sizeBytes);',
      '',
    ],
    [
      'messages/decode-guest-message.ts',
      'a message may be shorter than its header',
      'payload.byteLength < 8',
      'payload.byteLength < 3',
    ],
    [
      'gpadl.ts',
      'more pages than are listed',
      'pageCount > maxPagesIn(buffer.byteLength - at)',
      'pageCount > maxPagesIn(buffer.byteLength - at) + 1',
    ],
    [
      'gpadl-table.ts',
      'more may arrive than was announced',
      'const wanted = part.subarray(0, buffer.byteLength - gpadl.receivedBytes);',
      'const wanted = part;',
    ],
    ['gpadl-table.ts', 'pages of GPADLs that are gone count on', 'this.#pages -= gpadl.reservedPages;', ''],
    ['connection.ts', 'a VP too many for messages', 'messageVp >= vpCount', 'messageVp > vpCount'],
    ['channel-requests.ts', 'a VP too many for interrupts', 'vp < vpCount ||', 'vp <= vpCount ||'],
    [
      'channel-requests.ts',
      'an open channel keeps rings that were torn down',
      'if (channel.ringGpadl === gpadl) channel.ringsTornDown();',
      'if (channel.ringGpadl === gpadl) channel.letGo();',
    ],
    [
      'channel.ts',
      'a ring of no pages',
      'downstreamPageOffset > gpns.length - MIN_RING_PAGES',
      'downstreamPageOffset > gpns.length',
    ],
    [
      'channel.ts',
      'a channel may be opened twice',
      "if (this.#state !== 'offered') return this.#wrongState('OPENCHANNEL');",
      '',
    ],
    ['unserved-requests.ts', 'a VP too many for an answer', 'targetVp >= vpCount', 'targetVp > vpCount'],
    ['server.ts', 'GPADLs outlive their connection', 'this.#gpadls.clear();', ''],
    [
      'offer-table.ts',
      'an instance is offered while it is held',
      "holders.length > 0 ? 'queued' : 'unannounced'",
      "'unannounced'",
    ],
    ['event-log.ts', 'a guest fills the log', 'Number.isInteger(Math.log2(count))', 'count > 0'],
  ]),
  ...defectsOf('rings', DIRECTORY, [
    ['rings/incoming-ring.ts', 'a packet longer than what is there', 'if (space > available)', 'if (space > 2 ** 20)'],
    [
      'rings/incoming-ring.ts',
      'a header is read again after it was checked',
      'const payload = new Uint8Array(length - dataOffset);',
      'memory.copyOut(this.#readIndex, header);\n    const payload = new Uint8Array(length - dataOffset);',
    ],
    [
      'rings/incoming-ring.ts',
      'payload before its header',
      'dataOffset < PACKET_HEADER.sizeBytes || dataOffset > length',
      'dataOffset < PACKET_HEADER.sizeBytes',
    ],
    ['rings/ring-memory.ts', 'an index one too large', 'index >= this.sizeBytes ||', 'index > this.sizeBytes ||'],
    [
      'rings/outgoing-ring.ts',
      'what was not read is written over',
      'this.#writeIndex) > space;',
      'this.#writeIndex) > space - 256;',
    ],
    ['open-channel.ts', 'what a guest does not read is kept', 'this.#queue.length > SEND_QUEUE_LIMITS.packets ||', ''],
  ]),
];
