import { KernelLog, type KernelLogRecord, SystemCallError, type Uevent, UeventSocket } from '../../linux/index.ts';
import type { HostNews, HostNewsPort } from '../manager/host-port.ts';

/** What the kernel says by itself: its uevents, and what vfio-pci writes to its log while it waits for a function. */
export function kernelNews(warn: (text: string) => void): HostNewsPort {
  return {
    listen(listener) {
      const tell = (news: HostNews | undefined): void => {
        if (news !== undefined) listener(news);
      };
      const uevents = UeventSocket.open();
      uevents.onEvent((event) => tell(newsOfUevent(event)));
      const log = openLog(warn);
      log?.onRecord((record) => tell(newsOfRecord(record)));
      return () => {
        uevents.close();
        log?.close();
      };
    },
  };
}

/** A witness beside the VM processes, not the only one: without it the manager has their word alone. */
function openLog(warn: (text: string) => void): KernelLog | undefined {
  try {
    return KernelLog.open();
  } catch (error) {
    if (!(error instanceof SystemCallError)) throw error;
    warn(`the kernel's log can't be read: ${error.message}`);
    return undefined;
  }
}

export function newsOfUevent(event: Uevent | 'overrun'): HostNews | undefined {
  if (event === 'overrun') return { kind: 'lost' };
  if (event.subsystem !== 'pci') return undefined;
  const name = event.properties.get('PCI_SLOT_NAME') ?? event.devicePath.split('/').at(-1);
  if (name === undefined || !isAddress(name)) return undefined;
  return { kind: event.action === 'remove' ? 'function-left' : 'function-changed', function: name };
}

/** Linux drivers/vfio/pci/vfio_pci_core.c, vfio_pci_core_request: the two things that it says. */
const waiting = /Relaying device request to user|blocked until released by user/;

export function newsOfRecord(record: KernelLogRecord | 'overrun'): HostNews | undefined {
  if (record === 'overrun') return { kind: 'lost' };
  // Any process may write to the log, but not in the kernel's name.
  if (record.facility !== 0 || !waiting.test(record.text)) return undefined;
  const device = record.properties.get('DEVICE');
  const name = device?.startsWith('+pci:') === true ? device.slice('+pci:'.length) : '';
  return isAddress(name) ? { kind: 'host-waits', function: name } : undefined;
}

function isAddress(text: string): boolean {
  return /^[0-9a-f]{4,8}:[0-9a-f]{2}:[01][0-9a-f]\.[0-7]$/.test(text);
}
