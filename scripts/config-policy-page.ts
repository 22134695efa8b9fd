import { writeFileSync } from 'node:fs';
import { renderConfigPolicyPage } from '../src/functions/config-policy-page.ts';

writeFileSync(new URL('../docs/config-policy.md', import.meta.url), renderConfigPolicyPage());
