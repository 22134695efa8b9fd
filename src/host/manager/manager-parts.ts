import type { JournalPort } from '../journal/journal.ts';
import type { HostNewsPort, HostPort, VirtualFunctionsPort } from './host-port.ts';
import type { KeepRulesPort } from './keep-rules.ts';
import type { ClockPort, PrecedencePort, VmPort } from './ports.ts';

/** What a manager works with. */
export interface ManagerParts {
  readonly host: HostPort;
  readonly vms: VmPort;
  readonly journal: JournalPort;
  readonly clock: ClockPort;
  /** Undefined: the manager has none. */
  readonly precedence?: PrecedencePort;
  readonly virtualFunctions: VirtualFunctionsPort;
  /** Undefined: nothing tells of changes, so the manager sees them only when it starts. */
  readonly news?: HostNewsPort;
  /** Undefined: when the host starts, its drivers get hold of what is dismounted until the manager starts. */
  readonly keepRules?: KeepRulesPort;
  /** What went wrong and keeps nothing from going on; for the log. */
  readonly onProblem?: (error: unknown) => void;
  /** A line that a VM process has to say. */
  readonly log?: (vm: string, text: string) => void;
  /**
   * The journal can't be written any more: the manager has stopped, VMs run on. The process should end, and be started again
   * when that is repaired.
   */
  readonly onFatal?: (error: unknown) => void;
}
