/** A guest's NVMe driver, over what any front end gives to drivers of functions. */
export { NvmeDriver } from './nvme-driver.ts';
export { NvmeController } from './nvme-controller.ts';
export type { Namespace } from './identify.ts';
