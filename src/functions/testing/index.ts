export { FakeFunction } from './fake-function.ts';
export type { FakeFunctionOptions } from './fake-function.ts';
export type { FakeBackend, FakeBar } from './fake-backend.ts';
export { FakeCapability } from './fake-config.ts';
export { plainPages } from './plain-pages.ts';
