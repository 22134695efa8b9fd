import type { FunctionBackend } from './function-backend.ts';

/** The calls to a backend that a guest can cause. */
type GuestCaused =
  | 'setBusMaster'
  | 'setPowerState'
  | 'setDeviceControl'
  | 'readRegister'
  | 'writeRegister'
  | 'enableMsix'
  | 'connectVector'
  | 'disableVectors';

/** None of its calls throw. After the first refusal the function counts as failed: it reads all ones and takes no writes. */
export interface GuardedBackend extends Pick<FunctionBackend, GuestCaused> {
  /** The configuration space after a reset; undefined when the reset failed. */
  resetAndCapture(): Uint8Array | undefined;
  /** Counts the function as failed and reports it, once. */
  fail(reason: string): void;
  /** For the next assignment: the function has been reset and gets another chance. */
  renew(): void;
}

const allOnes = 0xffff_ffff_ffff_ffffn;

/** `report`: told of the first failure after each {@link GuardedBackend.renew}, so that no guest can fill a log. */
export function guardBackend(backend: FunctionBackend, report: (reason: string) => void): GuardedBackend {
  let failed = false;

  function fail(reason: string): void {
    if (failed) return;
    failed = true;
    report(reason);
  }

  function guard<T>(what: string, otherwise: T, call: () => T): T {
    if (failed) return otherwise;
    try {
      return call();
    } catch (error) {
      fail(`${backend.name} refused to ${what}: ${messageOf(error)}`);
      return otherwise;
    }
  }

  return {
    fail,
    renew: () => {
      failed = false;
    },
    resetAndCapture: () =>
      guard('be reset', undefined, () => {
        backend.reset();
        return backend.captureConfig();
      }),
    setBusMaster: (enabled) =>
      guard(`turn bus mastering ${enabled ? 'on' : 'off'}`, undefined, () => backend.setBusMaster(enabled)),
    setPowerState: (state) => guard(`change to power state D${state}`, undefined, () => backend.setPowerState(state)),
    setDeviceControl: (bits, mask) =>
      guard('change device control', undefined, () => backend.setDeviceControl(bits, mask)),
    readRegister: (barIndex, offset, sizeBytes) =>
      guard(`read BAR ${barIndex}`, allOnes, () => backend.readRegister(barIndex, offset, sizeBytes)),
    writeRegister: (barIndex, offset, sizeBytes, value) =>
      guard(`write BAR ${barIndex}`, undefined, () => backend.writeRegister(barIndex, offset, sizeBytes, value)),
    enableMsix: () => guard('turn MSI-X on', undefined, () => backend.enableMsix()),
    connectVector: (kind, vector, eventFd, expectedCount) =>
      guard(`connect interrupt vector ${vector}`, undefined, () =>
        backend.connectVector(kind, vector, eventFd, expectedCount),
      ),
    disableVectors: () => guard('disable its interrupts', undefined, () => backend.disableVectors()),
  };
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
