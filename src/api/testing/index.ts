export { openApiText } from './openapi-text.ts';
export { ScriptedManager, poolFunction } from './scripted-manager.ts';
export { served } from './served.ts';
export type { Served } from './served.ts';
