import type { Command } from 'commander';
import type { CliContext } from '../cli-context.ts';
import { addVmConsoleCommand } from './vm-attach.ts';
import { addVmControlCommands } from './vm-control.ts';
import { vmCommand } from './vm-command.ts';
import { addVmCreateCommand } from './vm-create.ts';
import { addVmListCommand } from './vm-list.ts';
import { addVmRunCommand } from './vm-run.ts';

export function addVmCommands(program: Command, context: CliContext): void {
  const vm = vmCommand(program);
  addVmRunCommand(vm, context);
  addVmListCommand(vm, context);
  addVmControlCommands(vm, context);
  addVmCreateCommand(vm, context);
  addVmConsoleCommand(vm, context);
}
