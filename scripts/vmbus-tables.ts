import { readFileSync, writeFileSync } from 'node:fs';
import { renderProtocolTables } from '../src/vmbus/messages/protocol-tables.ts';

/** The tables are the last section of the page. */
const HEADING = '## Layouts\n';

const page = new URL('../docs/vmbus.md', import.meta.url);
const text = readFileSync(page, 'utf8');
const [before] = text.split(HEADING);
writeFileSync(page, `${before}${HEADING}\n${renderProtocolTables()}\n`);
