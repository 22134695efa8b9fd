import { readFileSync, writeFileSync } from 'node:fs';
import { withProtocolTables } from '../src/vm/process/protocol-page.ts';

const page = new URL('../docs/vm-process.md', import.meta.url);
writeFileSync(page, withProtocolTables(readFileSync(page, 'utf8')));
