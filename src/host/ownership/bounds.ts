/** How long a VM process has to confirm that it has taken a function from its guest; then it is killed. */
export const CONFIRM_MS = 2_000;
/** How long a guest has that was not given a deadline: it let go of one function of a group by itself, the others follow. */
export const DEFAULT_DEADLINE_MS = 60_000;
/**
 * How long a VM process has to take a function, if nobody asks for it back before: all of the guest's memory is pinned meanwhile, which for a
 * terabyte that was never touched takes minutes.
 */
export const LEND_MS = 300_000;
/** How long a VM process has to come up. */
export const START_MS = 60_000;
/** How long a VM process that was told to end has to do so before it is killed. */
export const STOP_MS = 5_000;
/** How long the kernel has to end a killed process before what it held is given up. */
export const KILL_MS = 5_000;
