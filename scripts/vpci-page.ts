import { readFileSync, writeFileSync } from 'node:fs';
import { withProtocolTables } from '../src/vpci/protocol-page.ts';

const page = new URL('../docs/vpci.md', import.meta.url);
writeFileSync(page, withProtocolTables(readFileSync(page, 'utf8')));
