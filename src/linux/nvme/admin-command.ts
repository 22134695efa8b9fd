import { closeFile, openFile, OpenFlag } from '../libc/files.ts';
import { ioctlStruct } from '../libc/ioctl.ts';
import { addressOf, heldUntilHere } from '../libc/library.ts';

/** A command for an NVMe controller's admin queue, as far as this repository sends any. */
export interface NvmeAdminCommand {
  readonly opcode: number;
  /** Command dwords 10 and 11; what they mean is the command's own. */
  readonly cdw10: number;
  readonly cdw11: number;
  /** How much data the controller gives back; 0: none. */
  readonly answerBytes: number;
}

export interface NvmeCompletion {
  /** Status code type in bits 10:8, status code in bits 7:0; 0 is success. */
  readonly status: number;
  /** Dword 0 of the completion. */
  readonly result: number;
  readonly data: Uint8Array;
}

/** NVME_IOCTL_ADMIN_CMD, Linux include/uapi/linux/nvme_ioctl.h: _IOWR('N', 0x41, 72 bytes). */
const adminIoctl = { name: 'NVME_IOCTL_ADMIN_CMD', number: 0xc048_4e41 };

/** struct nvme_passthru_cmd on x86-64, printed by a program compiled against Linux 6.1's headers. */
export const passthruLayout = {
  opcode: 0,
  addr: 24,
  dataLen: 36,
  cdw10: 40,
  cdw11: 44,
  timeoutMs: 64,
  result: 68,
} as const;
export const passthruSizeBytes = 72;

/** More-and-do-not-retry bits above the status code are no part of what went wrong. */
const statusMask = 0x7ff;

export function encodePassthru(command: NvmeAdminCommand, dataAddress: bigint, timeoutMs: number): Uint8Array {
  const bytes = new Uint8Array(passthruSizeBytes);
  const view = new DataView(bytes.buffer);
  view.setUint8(passthruLayout.opcode, command.opcode);
  view.setBigUint64(passthruLayout.addr, dataAddress, true);
  view.setUint32(passthruLayout.dataLen, command.answerBytes, true);
  view.setUint32(passthruLayout.cdw10, command.cdw10, true);
  view.setUint32(passthruLayout.cdw11, command.cdw11, true);
  view.setUint32(passthruLayout.timeoutMs, timeoutMs, true);
  return bytes;
}

/**
 * Sends commands to the controller behind `node` (`/dev/nvme0`), in this order, until one has a status other than success;
 * gives the completions up to that one. Waits for the controller, which may take `timeoutMs` for each and longer where it has
 * to be reset: call it from a process that nothing waits for. Throws {@link SystemCallError}.
 */
export function sendNvmeAdmin(
  node: string,
  commands: readonly NvmeAdminCommand[],
  timeoutMs: number,
): NvmeCompletion[] {
  const fd = openFile(node, OpenFlag.readOnly);
  try {
    const completions: NvmeCompletion[] = [];
    for (const command of commands) {
      const completion = sendOne(fd, node, command, timeoutMs);
      completions.push(completion);
      if (completion.status !== 0) break;
    }
    return completions;
  } finally {
    closeFile(fd);
  }
}

function sendOne(fd: number, node: string, command: NvmeAdminCommand, timeoutMs: number): NvmeCompletion {
  const data = new Uint8Array(command.answerBytes);
  const address = data.byteLength === 0 ? 0n : addressOf(data);
  const request = encodePassthru(command, address, timeoutMs);
  const status = ioctlStruct(fd, adminIoctl, request, `${node}, opcode 0x${command.opcode.toString(16)}`);
  heldUntilHere(data);
  return {
    status: status & statusMask,
    result: new DataView(request.buffer).getUint32(passthruLayout.result, true),
    data,
  };
}
