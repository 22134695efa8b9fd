import { readFileSync, writeFileSync } from 'node:fs';
import { withLockupTables } from '../src/vm/process/lockup/lockup-page.ts';

const page = new URL('../docs/hardening.md', import.meta.url);
writeFileSync(page, withLockupTables(readFileSync(page, 'utf8')));
