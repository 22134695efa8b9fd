import { AsyncEvent, type AsyncEvents } from './async-events.ts';
import { addressValue, AdminOpcode, allNamespaces, type NvmeCommand, type Respond } from './command.ts';
import { followPrps, scatter } from './data-pointer.ts';
import type { Features } from './features.ts';
import type { GuestMemory } from './guest-memory.ts';
import { type Identified, identify } from './identify.ts';
import { LogPage, type LogPages } from './log-pages.ts';
import type { Namespace } from './namespace.ts';
import { QueueCommands, type QueueOwner } from './queue-commands.ts';
import type { Request } from './queues.ts';
import { maxTransferBytes, pageBytes } from './registers.ts';
import { NvmeStatus } from './status.ts';

/** What admin commands act on. */
export interface AdminParts extends QueueOwner, Identified {
  readonly features: Features;
  readonly logs: LogPages;
  readonly events: AsyncEvents;
  /** False: it isn't under way, or can't be taken back. */
  abort(queueId: number, commandId: number): boolean;
  /** Two pages of guest memory. */
  useShadowDoorbells(memory: GuestMemory, shadow: number, eventIndex: number): void;
  /** Clears a namespace, which takes no other commands meanwhile. */
  format(namespaces: readonly Namespace[], respond: Respond): void;
}

/** The admin command set. NVM Express Base Specification 1.4, 5. */
export class AdminCommands {
  readonly #parts: AdminParts;
  readonly #queues: QueueCommands;

  constructor(parts: AdminParts) {
    this.#parts = parts;
    this.#queues = new QueueCommands(parts);
  }

  execute(request: Request, memory: GuestMemory, respond: Respond): void {
    const { command } = request;
    switch (command.opcode) {
      case AdminOpcode.identify:
        return respond(this.#identify(command, memory));
      case AdminOpcode.getLogPage:
        return respond(this.#getLogPage(command, memory));
      case AdminOpcode.getFeatures: {
        const { status, result } = this.#parts.features.get(command.cdw10, command.cdw11);
        return respond(status, result);
      }
      case AdminOpcode.setFeatures:
        return this.#setFeatures(command, respond);
      case AdminOpcode.createCompletionQueue:
        return respond(this.#queues.createCompletion(command, memory));
      case AdminOpcode.createSubmissionQueue:
        return respond(this.#queues.createSubmission(command, memory));
      case AdminOpcode.deleteCompletionQueue:
        return respond(this.#queues.deleteCompletion(command));
      case AdminOpcode.deleteSubmissionQueue:
        return this.#queues.deleteSubmission(command, respond);
      case AdminOpcode.abort: {
        const aborted = this.#parts.abort(command.cdw10 & 0xffff, command.cdw10 >>> 16);
        return respond(NvmeStatus.success, aborted ? 0 : 1);
      }
      case AdminOpcode.asyncEventRequest:
        return this.#requestEvent(request, respond);
      case AdminOpcode.virtualizationManagement: {
        const done = this.#parts.role.secondaries?.manage(command.cdw10, command.cdw11);
        return done === undefined ? respond(NvmeStatus.invalidOpcode) : respond(done.status, done.result);
      }
      case AdminOpcode.doorbellBufferConfig:
        return respond(this.#configureDoorbells(command, memory));
      case AdminOpcode.formatNvm:
        return this.#format(command, respond);
      default:
        return respond(NvmeStatus.invalidOpcode);
    }
  }

  #identify(command: NvmeCommand, memory: GuestMemory): NvmeStatus {
    const structure = identify(command.cdw10, command.namespaceId, this.#parts);
    return typeof structure === 'number' ? structure : send(memory, command, structure);
  }

  /** 5.14. What is asked for beyond a page's end is zeros. */
  #getLogPage(command: NvmeCommand, memory: GuestMemory): NvmeStatus {
    const { logs, features, events } = this.#parts;
    const id = command.cdw10 & 0xff;
    const page = logs.page(id, features.overheated);
    if (page === undefined) return NvmeStatus.invalidLogPage;
    // Pages are the controller's: none is a namespace's own.
    const ofController = command.namespaceId === 0 || command.namespaceId === allNamespaces;
    if (id === LogPage.health && !ofController) return NvmeStatus.invalidField;
    const dwords = (command.cdw11 & 0xffff) * 2 ** 16 + (command.cdw10 >>> 16) + 1;
    const offset = command.cdw13 * 2 ** 32 + command.cdw12;
    if (dwords * 4 > maxTransferBytes || (command.cdw12 & 0x3) !== 0 || offset > page.byteLength) {
      return NvmeStatus.invalidField;
    }
    const data = new Uint8Array(dwords * 4);
    data.set(page.subarray(offset, offset + data.byteLength));
    const status = send(memory, command, data);
    const keepsEvent = (command.cdw10 & 0x8000) !== 0;
    if (status === NvmeStatus.success && !keepsEvent) events.logRead(id);
    return status;
  }

  #setFeatures(command: NvmeCommand, respond: Respond): void {
    const { features, events, queues } = this.#parts;
    const queuesExist = queues.submission.size > 1 || queues.completion.size > 1;
    const before = features.overheated;
    const { status, result } = features.set(command.cdw10, command.cdw11, command.namespaceId, queuesExist);
    respond(status, result);
    if (!before && features.overheated && features.temperatureEvents) events.raise(AsyncEvent.temperatureThreshold);
  }

  #requestEvent(request: Request, respond: Respond): void {
    const { events } = this.#parts;
    const answer = (result: number): void => respond(NvmeStatus.success, result);
    request.cancel = () => events.forget(answer);
    if (!events.request(answer)) respond(NvmeStatus.eventRequestLimitExceeded);
  }

  /** 5.7: two pages. */
  #configureDoorbells({ prp1, prp2 }: NvmeCommand, memory: GuestMemory): NvmeStatus {
    const pages = [prp1, prp2].map((prp) => (prp.low % pageBytes === 0 ? addressValue(prp) : Number.NaN));
    const [shadow = Number.NaN, eventIndex = Number.NaN] = pages;
    if (!memory.contains(shadow, pageBytes) || !memory.contains(eventIndex, pageBytes)) return NvmeStatus.invalidField;
    this.#parts.useShadowDoorbells(memory, shadow, eventIndex);
    return NvmeStatus.success;
  }

  /** 5.23: format 0 is the only one; without metadata there is nothing to protect. */
  #format(command: NvmeCommand, respond: Respond): void {
    const { namespaces, format } = this.#parts;
    const format0 = (command.cdw10 & 0x1ff) === 0;
    const erase = (command.cdw10 >>> 9) & 0x7;
    if (!format0) return respond(NvmeStatus.invalidFormat);
    // 2 is a cryptographic erase; more are reserved.
    if (erase > 1) return respond(NvmeStatus.invalidField);
    const one = namespaces[command.namespaceId - 1];
    const meant = command.namespaceId === allNamespaces ? namespaces : one === undefined ? [] : [one];
    if (meant.length === 0) return respond(NvmeStatus.invalidNamespaceOrFormat);
    if (meant.some(({ storage }) => storage.readOnly)) return respond(NvmeStatus.namespaceWriteProtected);
    format(meant, respond);
  }
}

/** Copies an answer to where the command wants it. */
function send(memory: GuestMemory, command: NvmeCommand, data: Uint8Array): NvmeStatus {
  const places = followPrps(memory, command, data.byteLength);
  if (typeof places === 'number') return places;
  return scatter(memory, places, data) ? NvmeStatus.success : NvmeStatus.dataTransferError;
}
