import { readFileSync, writeFileSync } from 'node:fs';
import { withRecordTables } from '../src/trace/trace-page.ts';

const page = new URL('../docs/trace.md', import.meta.url);
writeFileSync(page, withRecordTables(readFileSync(page, 'utf8')));
