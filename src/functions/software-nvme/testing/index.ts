export { HeldStorage } from './held-storage.ts';
export { TestDriver, type SubmittedCommand } from './test-driver.ts';
