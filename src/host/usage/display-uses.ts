import type { HostTree } from '../tree/host-tree.ts';
import { append, functionOnPath } from './device-paths.ts';
import { UseKind } from './function-usage.ts';
import type { HostUse } from './function-usage.ts';

const drmPath = '/sys/class/drm';

export const bootDisplayUse: HostUse = {
  kind: UseKind.bootDisplay,
  sentence: 'It drives the display that the machine booted on.',
  breaks: 'The host would lose its screen and its text console.',
  remedy: 'Work over the network or a serial console, and make another display the first one in the firmware.',
  needed: true,
};

/**
 * Screens that are on, by function: a laptop's second graphics processor may drive a socket without being the boot display.
 * The attribute read is what the driver noted last; reading it asks no screen.
 */
export function readScreens(tree: HostTree): ReadonlyMap<string, readonly HostUse[]> {
  const found = new Map<string, HostUse[]>();
  for (const entry of tree.list(drmPath)) {
    // card1-HDMI-A-1; card1 itself is the device.
    const connector = /^card[0-9]+-(.+)$/.exec(entry)?.[1];
    const path = connector === undefined ? undefined : tree.real(`${drmPath}/${entry}`);
    const fn = path === undefined ? undefined : functionOnPath(path);
    if (path === undefined || fn === undefined || tree.text(`${path}/enabled`) !== 'enabled') continue;
    append(found, fn, {
      kind: UseKind.screen,
      sentence: `A screen at ${connector} is on.`,
      breaks: `The screen at ${connector} would go dark, and a desktop on it would end.`,
      remedy: `Turn the screen at ${connector} off first, or plug it into another graphics card.`,
      needed: false,
    });
  }
  return found;
}
