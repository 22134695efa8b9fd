import { join } from 'node:path';

/** The checkout this file belongs to. */
export const REPOSITORY = join(import.meta.dirname, '..');

/** Where set-up puts what it fetches: `DDA_CACHE`, else `.cache` in the checkout. */
export const cacheDirectory = (): string => process.env['DDA_CACHE'] ?? join(REPOSITORY, '.cache');
