import { readFileSync, writeFileSync } from 'node:fs';
import { withFrontEndTables } from '../src/vpci/testing/front-ends-page.ts';

const page = new URL('../docs/front-ends.md', import.meta.url);
writeFileSync(page, withFrontEndTables(readFileSync(page, 'utf8')));
