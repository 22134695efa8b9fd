import type { Command } from 'commander';

/** `dda vm`, without its commands. */
export function vmCommand(program: Command): Command {
  return program
    .command('vm')
    .helpCommand(false)
    .summary('run VMs, and lend functions to them while they run')
    .description('Runs VMs, and lends functions to them while they run. NAME may be left out while only one VM runs.')
    .addHelpText(
      'after',
      '\nExamples:\n  dda vm run --device 01:00.0   a guest with that function, its console here\n  dda vm list                   from another terminal: which VMs run, and what they have\n  dda vm eject 01:00.0          ask the guest for it, and give it back to the host\n  dda vm add 01:00.0            lend it again\n  dda vm create web --kernel …  a VM of the daemon, which runs on by itself\n',
    );
}
