/** `npm run build`: what the package ships. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { bundleProduct } from './bundle.ts';

const DISTRIBUTION = join(import.meta.dirname, '../dist');

rmSync(DISTRIBUTION, { recursive: true, force: true });
await bundleProduct(join(DISTRIBUTION, 'cli'));
