export { FakeFunction } from './fake-function.ts';
export { FakeCapability } from './fake-config.ts';
export { plainPages } from './plain-pages.ts';
