/** Bytes that the guest writes to the start of the disk. */
export const BYTES_TO_WRITE = 16 * 1024 * 1024;
/** Direct reads of 4 KiB, one after the other, during which exits are counted. */
export const READS = 2000;
/** The guest is silent for so long before and after the reads. */
export const SILENCE_SECONDS = 2;

/**
 * What the guest runs: a script for busybox. It says what it sees in lines that `guest-lines.ts` knows, and goes on when the
 * host types the word it waits for. Exits are counted from outside: so the script says nothing around the reads.
 */
export function guestScript(): string {
  return `#!/bin/sh
say() { echo "dda-demo: $*"; }
stop() { dmesg | tail -n 20; say problem "$*"; exit 1; }
wait_for() {
  read -r word && [ "$word" = "$1" ] || stop "the host typed '$word' where '$1' was due"
}
interrupts() {
  awk '/ nvme/ { for (field = 2; field <= NF && $field ~ /^[0-9]+$/; field++) sum += $field } END { printf "%d", sum }' /proc/interrupts
}
uptime() { read -r seconds rest </proc/uptime; echo "$seconds"; }

# The console is for this script: a message of the kernel in the middle of a line would spoil it.
dmesg -n 1
stty -echo
say kernel "$(uname -r)"
say cpus "$(grep -c '^processor' /proc/cpuinfo)"
say hypervisor "$(dmesg | sed -n 's/.*Hypervisor detected: //p')"
say vmbus "$(dmesg | sed -n 's/.*Vmbus version:\\([0-9.]*\\).*/\\1/p')"
say ready

disk=
while [ -z "$disk" ]; do
  for node in /dev/nvme*n1; do [ -b "$node" ] && disk=\${node##*/}; done
  [ -n "$disk" ] || usleep 20000
done
controller=\${disk%n*}
device=$(readlink -f "/sys/class/nvme/$controller/device")
driver=$(readlink -f "$device/driver")
say disk "$disk" "$(cat "/sys/block/$disk/size")" "\${device##*/}" "\${driver##*/}"

wait_for write
dd if=/dev/urandom of=/tmp/data bs=1M count=${BYTES_TO_WRITE / 1024 ** 2} 2>/tmp/dd || stop "no random data: $(tail -n 1 /tmp/dd)"
sum=$(sha256sum </tmp/data)
dd if=/tmp/data of="/dev/$disk" bs=1M oflag=direct conv=fsync 2>/tmp/dd || stop "writing failed: $(tail -n 1 /tmp/dd)"
say written "$(stat -c %s /tmp/data)" "\${sum%% *}"

wait_for read
before=$(interrupts)
sleep ${SILENCE_SECONDS}
from=$(uptime)
dd if="/dev/$disk" of=/dev/null bs=4k count=${READS} iflag=direct 2>/tmp/dd || stop "reading failed: $(tail -n 1 /tmp/dd)"
to=$(uptime)
sleep ${SILENCE_SECONDS}
after=$(interrupts)
count=$(sed -n 's/^\\([0-9]*\\)+0 records in$/\\1/p' /tmp/dd)
say read "$count" "$((after - before))" "$from" "$to"

while [ -b "/dev/$disk" ]; do usleep 20000; done
say gone

wait_for bye
`;
}
