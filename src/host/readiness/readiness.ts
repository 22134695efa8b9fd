import type { GroupObstacle } from '../control-groups/group-obstacle.ts';

/** What this machine needs to lend functions to guests, one point each. */
export interface ReadinessCheck {
  readonly code: 'kernel' | 'kvm' | 'iommu' | 'vfio' | 'rights' | 'memlock' | 'groups' | 'functions';
  /** `limited`: works, with what the sentence says. */
  readonly state: 'ready' | 'limited' | 'missing';
  readonly sentence: string;
  /** Undefined: nothing to do. */
  readonly remedy: string | undefined;
}

/** All that the checks are made from. */
export interface ReadinessFacts {
  /** `6.1.0-43-amd64` */
  readonly kernelRelease: string;
  /** Whether guests run here; otherwise why not, with what to do. */
  readonly guests:
    | { readonly runs: true; readonly extension: 'vmx' | 'svm' }
    | { readonly runs: false; readonly sentence: string };
  readonly iommuGroups: number;
  readonly processorVendor: 'intel' | 'amd' | 'other';
  readonly vfio: 'loaded' | 'loadable' | 'absent';
  readonly isRoot: boolean;
  /** What this process may lock; `Infinity`: no limit. */
  readonly lockableBytes: number;
  /** What stands in the way of control groups for VM processes; undefined: nothing that can be seen. */
  readonly groupObstacle: GroupObstacle | undefined;
  /** Functions that could be lent now, with and without risk. */
  readonly assignable: readonly string[];
  readonly functionCount: number;
}

/** MSR filters, which keep KVM's own Hyper-V emulation out of the way, came with Linux 5.10. */
const oldestKernel = [5, 10] as const;
const smallGuestBytes = 2 ** 31;

export function judgeReadiness(facts: ReadinessFacts): ReadinessCheck[] {
  return [
    judgeKernel(facts),
    judgeKvm(facts),
    judgeIommu(facts),
    judgeVfio(facts),
    judgeRights(facts),
    judgeMemlock(facts),
    judgeGroups(facts),
    judgeFunctions(facts),
  ];
}

function judgeKernel({ kernelRelease }: ReadinessFacts): ReadinessCheck {
  const [major = 0, minor = 0] = kernelRelease.split('.').map((part) => Number.parseInt(part, 10));
  const recent = major > oldestKernel[0] || (major === oldestKernel[0] && minor >= oldestKernel[1]);
  if (recent) return ready('kernel', `Linux ${kernelRelease}.`);
  return missing('kernel', `Linux ${kernelRelease} is too old.`, 'Use Linux 5.10 or later; Debian 12 has 6.1.');
}

function judgeKvm({ guests }: ReadinessFacts): ReadinessCheck {
  if (guests.runs)
    return ready('kvm', `KVM runs guests here (${guests.extension === 'vmx' ? 'Intel VMX' : 'AMD SVM'}).`);
  return missing('kvm', guests.sentence, 'Without it, "npm run demo" shows everything in an emulated host.');
}

function judgeIommu({ iommuGroups, processorVendor }: ReadinessFacts): ReadinessCheck {
  if (iommuGroups > 0) return ready('iommu', `The IOMMU is on, with ${iommuGroups} groups.`);
  const remedies = {
    intel: 'Turn on VT-d in the firmware, and start the kernel with intel_iommu=on.',
    amd: 'Turn on AMD-Vi (often just "IOMMU") in the firmware.',
    other: 'Turn on the IOMMU in the firmware.',
  };
  return missing('iommu', 'There is no IOMMU group: the IOMMU is off or absent.', remedies[processorVendor]);
}

function judgeVfio({ vfio, kernelRelease }: ReadinessFacts): ReadinessCheck {
  if (vfio === 'loaded') return ready('vfio', 'The driver vfio-pci is loaded.');
  if (vfio === 'loadable') return ready('vfio', 'The module vfio-pci is there; dda loads it when it is needed.');
  return missing(
    'vfio',
    `Linux ${kernelRelease} has no vfio-pci driver, and /lib/modules/${kernelRelease} no module of that name.`,
    "Use a kernel with VFIO; Debian's ordinary ones have it, its cloud kernels don't.",
  );
}

function judgeRights({ isRoot }: ReadinessFacts): ReadinessCheck {
  if (isRoot) return ready('rights', 'Running as root: functions can be moved between drivers.');
  return limited('rights', 'Not running as root: functions can be looked at, not moved.', 'Run it as root: sudo dda …');
}

function judgeMemlock({ isRoot, lockableBytes }: ReadinessFacts): ReadinessCheck {
  if (isRoot || lockableBytes === Infinity)
    return ready('memlock', 'Guest memory can be locked for DMA without limit.');
  const mebibytes = Math.floor(lockableBytes / 2 ** 20);
  if (lockableBytes >= smallGuestBytes) {
    return limited(
      'memlock',
      `${mebibytes} MiB can be locked: guests with a device can have no more memory than that.`,
      'Raise it where guests need more: ulimit -l, or LimitMEMLOCK= of the systemd unit.',
    );
  }
  return missing(
    'memlock',
    `Only ${mebibytes} MiB can be locked, and a guest with a device has all its memory locked.`,
    'Run it as root, or raise the limit: ulimit -l, memlock in /etc/security/limits.conf, or LimitMEMLOCK= of the systemd unit.',
  );
}

function judgeGroups({ groupObstacle }: ReadinessFacts): ReadinessCheck {
  if (groupObstacle === undefined) {
    return ready(
      'groups',
      "A daemon's VM process can have a control group: limits of processor time, memory and tasks.",
    );
  }
  const { obstacle, remedy } = groupObstacle;
  const sentence = `A daemon's VM processes have no control groups that hold them to all limits: ${obstacle}`;
  return limited('groups', sentence, remedy);
}

function judgeFunctions({ assignable, functionCount }: ReadinessFacts): ReadinessCheck {
  if (assignable.length > 0) {
    return ready(
      'functions',
      `${assignable.length} of ${functionCount} PCI functions can be lent: ${assignable.join(', ')}.`,
    );
  }
  return missing(
    'functions',
    `None of the ${functionCount} PCI functions can be lent as things stand.`,
    'See why, function by function: dda survey --reasons',
  );
}

function ready(code: ReadinessCheck['code'], sentence: string): ReadinessCheck {
  return { code, state: 'ready', sentence, remedy: undefined };
}

function limited(code: ReadinessCheck['code'], sentence: string, remedy: string): ReadinessCheck {
  return { code, state: 'limited', sentence, remedy };
}

function missing(code: ReadinessCheck['code'], sentence: string, remedy: string): ReadinessCheck {
  return { code, state: 'missing', sentence, remedy };
}
