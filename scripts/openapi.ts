import { readFileSync, writeFileSync } from 'node:fs';
import { openApiText } from '../src/api/testing/index.ts';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  readonly version: string;
};
writeFileSync(new URL('../docs/openapi.json', import.meta.url), openApiText(version));
