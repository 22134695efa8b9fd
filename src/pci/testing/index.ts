export { e1000e, edu, megasas, nvme, nvmeWithSriov, virtioRng, xhci } from './captured-functions.ts';
export type { CapturedFunction } from './captured-functions.ts';
