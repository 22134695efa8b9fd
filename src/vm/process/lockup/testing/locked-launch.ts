/** Becomes `locked-program.ts`, under the filter that the manager's thread has when it starts a VM process. */
import { fileURLToPath } from 'node:url';
import { forbidNewPrivileges, installFilter } from '../../../../linux/index.ts';
import { filterFor } from '../filter.ts';

const [mode = 'end'] = process.argv.slice(2);
const program = fileURLToPath(new URL('./locked-program.ts', import.meta.url));
forbidNewPrivileges();
installFilter(filterFor('exec', process.pid), { scope: 'process', audit: false });
process.execve?.(process.execPath, [process.execPath, '--disable-warning=ExperimentalWarning', program, mode], {});
