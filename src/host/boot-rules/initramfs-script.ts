/** A function that must not fall to the host's driver when the host starts, or when the device is plugged in again. */
export interface KeptFunction {
  /** `0000:01:00.0` */
  readonly name: string;
  /** `1b36:0010`: another device in the same place is not meant. */
  readonly ids: string;
}

/**
 * A script for initramfs-tools' `scripts/init-top`: gives the kept functions their driver override before any driver is
 * loaded, hence before any event of udev's.
 */
export function initramfsScript(kept: readonly KeptFunction[]): string {
  const lines = checked(kept).map(({ name, vendor, device }) => `keep ${name} ${vendor} ${device}`);
  return `#!/bin/sh
# Written by dda boot-script: keeps PCI functions from the host's drivers. After a change: update-initramfs -u
case "\${1:-}" in prereqs) echo; exit 0 ;; esac
keep() {
  function=/sys/bus/pci/devices/$1
  [ -e "$function/driver_override" ] || return 0
  [ "$(cat "$function/vendor") $(cat "$function/device")" = "$2 $3" ] || return 0
  echo vfio-pci > "$function/driver_override"
}
${lines.join('\n')}${lines.length > 0 ? '\n' : ''}exit 0
`;
}

interface CheckedFunction {
  readonly name: string;
  /** `0x1b36`, as sysfs has it. */
  readonly vendor: string;
  readonly device: string;
}

/** In ascending order. The script is run by root, so nothing but an address and ids gets into them. */
function checked(kept: readonly KeptFunction[]): CheckedFunction[] {
  return kept
    .map(({ name, ids }) => {
      const [, vendor, device] = /^([0-9a-f]{4}):([0-9a-f]{4})$/.exec(ids) ?? [];
      if (
        vendor === undefined ||
        device === undefined ||
        !/^[0-9a-f]{4,8}:[0-9a-f]{2}:[01][0-9a-f]\.[0-7]$/.test(name)
      ) {
        throw new RangeError(`not a function to be kept: ${JSON.stringify({ name, ids })}`);
      }
      return { name, vendor: `0x${vendor}`, device: `0x${device}` };
    })
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}
