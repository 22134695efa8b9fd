import type { GuestMap } from '../boot/index.ts';

/** Whether a guest may place a device range there: inside one of the windows that its ACPI tables offer, page-aligned. */
export function fitsDeviceWindow(map: GuestMap, gpa: number, sizeBytes: number): boolean {
  if (!Number.isSafeInteger(gpa) || gpa < 0 || gpa % 4096 !== 0) {
    return false;
  }
  return [map.lowWindow, map.highWindow].some(
    (window) => gpa >= window.gpa && gpa + sizeBytes <= window.gpa + window.sizeBytes,
  );
}
