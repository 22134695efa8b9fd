#!/usr/bin/env node
import { keepCompiledCode } from './compiled-code.ts';

keepCompiledCode();
const [group, verb] = process.argv.slice(2);
if (group === 'vm' && verb === 'run') await import('./run-vm.ts');
else await import('./run.ts');
