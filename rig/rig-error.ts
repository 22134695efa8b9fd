/** What can go wrong with a rig. Codes are stable: tests and scripts may compare them. */
export const RigErrorCode = {
  /** QEMU, a kernel or another part of the set-up is not there. */
  missingPart: 'rig-missing-part',
  /** An option cannot be fulfilled. */
  badOption: 'rig-bad-option',
  /** QEMU ended, or the rig's kernel or agent did not come up. */
  bootFailed: 'rig-boot-failed',
  /** The rig ended while it was still needed. */
  died: 'rig-died',
  /** A command's executable could not be started in the rig. */
  commandNotStarted: 'rig-command-not-started',
  commandTimeout: 'rig-command-timeout',
  /** QEMU refused a monitor command. */
  monitorRefused: 'rig-monitor-refused',
  noSuchDevice: 'rig-no-such-device',
  /** The rig's kernel did not let go of a device in time. */
  unplugTimeout: 'rig-unplug-timeout',
} as const;
export type RigErrorCode = (typeof RigErrorCode)[keyof typeof RigErrorCode];

export class RigError extends Error {
  override readonly name = 'RigError';
  readonly code: RigErrorCode;

  constructor(code: RigErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export const noSuchDevice = (id: string, ids: readonly string[]): RigError =>
  new RigError(RigErrorCode.noSuchDevice, `The rig has no device '${id}'. It has: ${ids.join(', ') || 'none'}.`);
