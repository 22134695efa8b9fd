export { FakeFunction } from './fake-function.ts';
export { FakeCapability, fakeConfig } from './fake-config.ts';
export { plainPages } from './plain-pages.ts';
export { NvmeBackend } from '../software-nvme/nvme-backend.ts';
