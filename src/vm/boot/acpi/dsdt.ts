import { COM1, RtcPort, SOFT_OFF_SLEEP_TYPE } from '../../devices/index.ts';
import type { MmioWindow } from '../guest-map.ts';
import { type Aml, device, eisaId, integer, named, packageOf, scope, string } from './aml.ts';
import { ioPorts, irq, qwordMemory, resourceTemplate } from './resources.ts';

const RTC_PORT_COUNT = 2;
/** Present, enabled, shown, working (ACPI 6.5 section 6.3.7, _STA). */
const STATUS_WORKING = 0x0f;

/**
 * The DSDT's AML: soft-off, the VMBus node with its memory windows, the serial port and, unless left out, the clock.
 *
 * Linux's VMBus driver wants a `_CRS` on the VMBUS node itself, even an empty one, then looks at its ancestors for memory
 * ranges: so the windows belong to a module device (ACPI0004) that is the node's parent (Linux drivers/hv/vmbus_drv.c).
 */
export function dsdtAml(options: { readonly windows: readonly MmioWindow[]; readonly hasRtc: boolean }): Aml {
  const vmbus = device(
    'VMBS',
    named('_HID', string('VMBUS')),
    named('_UID', integer(0)),
    named('_STA', integer(STATUS_WORKING)),
    named('_CRS', resourceTemplate()),
  );
  const vmbusModule = device(
    'VMOD',
    named('_HID', string('ACPI0004')),
    named('_UID', integer(0)),
    named('_CRS', resourceTemplate(...options.windows.map((window) => qwordMemory(window.gpa, window.sizeBytes)))),
    vmbus,
  );
  const com1 = device(
    'COM1',
    named('_HID', eisaId('PNP0501')),
    named('_UID', integer(1)),
    named('_CRS', resourceTemplate(ioPorts(COM1.port, COM1.size), irq(COM1.gsi))),
  );
  const rtc = device(
    'RTC0',
    named('_HID', eisaId('PNP0B00')),
    named('_CRS', resourceTemplate(ioPorts(RtcPort.index, RTC_PORT_COUNT))),
  );
  return [
    ...named('_S5_', packageOf([integer(SOFT_OFF_SLEEP_TYPE), integer(0), integer(0), integer(0)])),
    ...scope('_SB_', vmbusModule, com1, ...(options.hasRtc ? [rtc] : [])),
  ];
}
