import { HostError } from '../errors.ts';
import type { HostErrorParts } from '../errors.ts';
import type { FunctionState, Owner } from '../ownership/owner.ts';
import type { Refusal } from '../ownership/refusal.ts';
import { vmOf } from '../ownership/world.ts';

/** A refusal of the machine in words. `asked` continues "Can't …". */
export function refusalError(asked: string, { code, subject, because }: Refusal): HostError {
  const details = {
    ...(code === 'no-such-vm' || code === 'vm-name-taken' || code === 'vm-not-ready'
      ? { vm: subject }
      : { function: subject }),
    ...(because === undefined ? {} : { because: because.name, owner: because.owner }),
  };
  return new HostError(code, { asked, ...words(code, subject, because), details });
}

type Words = Pick<HostErrorParts, 'obstacle' | 'remedy'>;

function words(code: Refusal['code'], subject: string, because: FunctionState | undefined): Words {
  const other = because === undefined || because.name === subject ? 'it' : because.name;
  const group = other === 'it' ? '' : `, which is in the same IOMMU group`;
  switch (code) {
    case 'no-such-function':
      return {
        obstacle: `this host has no PCI function ${subject}.`,
        remedy: 'See which ones it has with: dda survey',
      };
    case 'function-absent':
      return {
        obstacle: `${subject} is unplugged; only its place in the pool is kept.`,
        remedy: `Plug it in again, or give its place up: dda mount ${subject}`,
      };
    case 'function-with-vm':
      return {
        obstacle: `the VM ${vmName(because)} has ${other}${group}.`,
        remedy: `Take it back first: dda remove ${vmName(because)} ${because?.name ?? subject}`,
      };
    case 'function-quarantined':
      return {
        obstacle: `${subject} is in quarantine: ${quarantineText(because?.owner)}.`,
        remedy: `When the cause is gone, release it: dda quarantine release ${subject}`,
      };
    case 'not-quarantined':
      return { obstacle: `${subject} is not in quarantine.`, remedy: 'See where it is with: dda list' };
    case 'not-dismounted':
      return { obstacle: `${subject} belongs to the host.`, remedy: `Dismount it first: dda dismount ${subject}` };
    case 'operation-in-progress':
      return {
        obstacle: `${other}${group} is ${onTheWay(because?.owner)} just now.`,
        remedy: 'Ask again when that has finished.',
      };
    case 'group-not-viable':
      return {
        obstacle: `${other}${group}, still belongs to the host.`,
        remedy: `Dismount the group first: dda dismount ${because?.name ?? subject}`,
      };
    case 'group-with-other-vm':
      return {
        obstacle: `the VM ${vmName(because)} has ${other}${group}.`,
        remedy: 'Lend the group to one VM, or use a slot whose bridges have ACS.',
      };
    case 'group-quarantined':
      return {
        obstacle: `${other}${group}, is in quarantine: ${quarantineText(because?.owner)}.`,
        remedy: `Release that one first: dda quarantine release ${because?.name ?? subject}`,
      };
    case 'virtual-functions-lent':
      return {
        obstacle: `its virtual function ${other} is not at the host, and would vanish with its driver.`,
        remedy: `Give it back first: dda mount ${because?.name ?? subject}`,
      };
    case 'physical-function-away':
      return {
        obstacle:
          other === 'it'
            ? `the host's driver does not have ${subject}.`
            : `the host's driver does not have its physical function ${other} just now.`,
        remedy: `Mount it first: dda mount ${because?.name ?? subject}`,
      };
    case 'not-physical-function':
      return {
        obstacle: `${subject} is a virtual function itself.`,
        remedy: `Ask for its physical function: ${because?.physicalFunction ?? 'dda survey shows it'}`,
      };
    case 'no-such-vm':
      return { obstacle: `there is no VM ${subject}.`, remedy: 'See which ones there are with: dda vm list' };
    case 'vm-name-taken':
      return { obstacle: `there is a VM ${subject} already.`, remedy: 'Choose another name, or stop that one.' };
    case 'vm-not-ready':
      return {
        obstacle: `the VM ${subject} is only just starting, or about to end.`,
        remedy: 'See how it stands with: dda vm list',
      };
    case 'already-lent':
      return { obstacle: `the VM ${vmName(because)} has it already.`, remedy: 'Remove it first to lend it anew.' };
    case 'not-lent':
      return {
        obstacle: vmName(because) === '' ? 'no VM has it.' : `the VM ${vmName(because)} has it.`,
        remedy: 'See who has what with: dda list',
      };
  }
}

function vmName(fn: FunctionState | undefined): string {
  return (fn === undefined ? undefined : vmOf(fn.owner)) ?? '';
}

function onTheWay(owner: Owner | undefined): string {
  if (owner === undefined) return 'on its way';
  switch (owner.kind) {
    case 'dismounting':
      return 'being dismounted';
    case 'mounting':
      return 'being mounted';
    case 'reshaping':
      return 'getting other virtual functions';
    case 'lending':
      return `being lent to ${owner.vm}`;
    case 'returning':
      return `being taken back from ${owner.vm}`;
    case 'verifying':
      return 'being reset';
    case 'host':
    case 'pool':
    case 'lent':
    case 'quarantine':
      return 'on its way';
  }
}

/** As it continues "it is in quarantine: …". */
export function quarantineText(owner: Owner | undefined): string {
  if (owner?.kind !== 'quarantine') return 'nobody said why';
  switch (owner.reason) {
    case 'reset-failed':
      return 'its reset failed, so nobody knows what it still does';
    case 'no-reset':
      return 'a VM had it, and there is no way to reset it';
    case 'held':
      return 'a process still has it open, though it was to have let go';
    case 'stuck':
      return 'an act on it is blocked in the kernel';
    case 'not-dismounted':
      return "the host's driver got hold of it again and did not let go";
  }
}
