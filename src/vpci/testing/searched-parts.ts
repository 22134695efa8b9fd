import type { ClientChannel, ClientPacket, ClientRequest } from '../../vmbus/index.ts';
import { DriverFailure, type FunctionDriver, type RunningFunction } from '../front-ends/function-driver.ts';
import { SpyFunction } from './spy-function.ts';

/** One vector and nothing else: what a driver does that a bus has to do with. */
export class OneVectorDriver implements FunctionDriver {
  readonly name = 'one-vector';
  readonly vectorsWanted = 1;

  matches(): boolean {
    return true;
  }

  *start(...[services]: Parameters<FunctionDriver['start']>): ReturnType<FunctionDriver['start']> {
    const vectors = yield* services.allocateVectors(1);
    const connected = vectors === 1 && (yield* services.connectVector(0, () => undefined));
    if (!connected) {
      yield* services.freeVectors();
      throw new DriverFailure('no vector');
    }
    const running: RunningFunction = {
      stop: () => services.freeVectors(),
      *suspend() {},
      *resume() {},
    };
    return running;
  }
}

/** A spy with an MSI-X capability, which may not be touched once the machine has taken it back. */
export class SearchedFunction extends SpyFunction {
  constructor() {
    super();
    this.writeConfig(0x06, 2, 0x10);
    this.writeConfig(0x34, 1, 0x40);
    this.writeConfig(0x40, 4, 0x11);
    this.writeConfig(0x44, 4, 0x2000);
    this.writeConfig(0x48, 4, 0x3000);
  }
  override attach(): void {}
  override attachMemory(): void {}
  override detach(): void {
    this.handedBack = true;
  }
}

/** Packets on their way, in both directions. */
export class Wire implements ClientChannel {
  onPacket: (packet: ClientPacket) => void = () => undefined;
  readonly toHost: ClientRequest[] = [];
  readonly toGuest: ClientPacket[] = [];
  open = true;
  /** Whether the host still reads and writes. */
  served = true;
  readonly #onClose: (reason: string) => void;

  constructor(onClose: (reason: string) => void) {
    this.#onClose = onClose;
  }

  send(request: ClientRequest): void {
    if (!this.open) throw new Error('the front end sends over a channel that is closed');
    if (this.served) this.toHost.push({ ...request, payload: request.payload.slice() });
  }

  close(): void {
    if (!this.open) return;
    this.open = false;
    this.hostEnded('the guest closed the channel');
  }

  /** What the guest has sent and the host hasn't read is lost. */
  hostEnded(reason: string): void {
    if (!this.served) return;
    this.served = false;
    this.toHost.length = 0;
    this.#onClose(reason);
  }
}
