/** The borrowers of the hostage bench, and what each does once it has the device. */

export const GUESTS = {
  cooperates: 'gives it back when it is asked',
  stuck: 'is stuck in the kernel, with interrupts on: whatever it is asked, nothing of it ever runs',
  panicked: 'has panicked, and stays there',
  'interrupts-off': 'spins with interrupts off',
  floods: 'binds and unbinds its driver, reads config space and rescans its buses without end',
  stopped: 'its VM process is stopped (SIGSTOP)',
} as const;
export type Guest = keyof typeof GUESTS;

/** How the host wants it back: by asking for it, or by somebody unplugging it from the host. */
export const WAYS = ['ask', 'unplug'] as const;
export type Way = (typeof WAYS)[number];

export interface Case {
  readonly guest: Guest;
  readonly way: Way;
}

/** As in `--guests` and in rows: `panicked`, `panicked+unplug`. */
export const nameOf = ({ guest, way }: Case): string => (way === 'ask' ? guest : `${guest}+${way}`);

export const ALL_CASES: readonly Case[] = WAYS.flatMap((way) =>
  (Object.keys(GUESTS) as Guest[]).map((guest) => ({ guest, way })),
);

/** The word on the guest's command line that says what it is to do. */
export const GUEST_WORD = 'dda-hostage';

/** What the guest's script prints. */
export const Marker = {
  ready: 'dda-hostage: ready',
  /** It has the device and has read from it; the next thing is what it is here for. */
  has: 'dda-hostage: has it',
  /** The last that Linux prints when it panics. */
  panicked: 'end Kernel panic',
} as const;

/** Where the guest finds its modules. */
export const ModulePath = { stuck: 'hostage/stuck.ko', interruptsOff: 'hostage/interrupts-off.ko' } as const;

const BLOCK_DEVICE = '/dev/nvme0n1';

/** It does nothing but what its command line says, so that one initramfs does for all. */
export const guestScript = `#!/bin/sh
kind=
for word in $(cat /proc/cmdline); do case $word in ${GUEST_WORD}=*) kind=\${word#*=} ;; esac; done
echo '${Marker.ready}'
while [ ! -b ${BLOCK_DEVICE} ]; do usleep 20000; done
dd if=${BLOCK_DEVICE} of=/dev/null bs=4k count=16 iflag=direct 2>/dev/null || exit 1
device=$(readlink -f /sys/block/nvme0n1/device/device)
name=\${device##*/}
echo '${Marker.has}'
usleep 300000
case $kind in
  stuck) insmod /${ModulePath.stuck} ;;
  interrupts-off) insmod /${ModulePath.interruptsOff} ;;
  panicked) echo c >/proc/sysrq-trigger ;;
  floods)
    while :; do cat $device/config; done >/dev/null 2>&1 &
    while :; do echo 1 >/sys/bus/pci/rescan; done &
    while :; do
      echo $name >/sys/bus/pci/drivers/nvme/unbind
      echo $name >/sys/bus/pci/drivers/nvme/bind
    done 2>/dev/null
    ;;
esac
while :; do sleep 1000; done
`;
