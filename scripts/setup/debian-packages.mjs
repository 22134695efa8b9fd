// Debian packages that the rig is made with, and that tests look at results with: installed only where what they bring is missing.
import { readdirSync } from 'fs';
import { unlessDone } from './lock.mjs';
import { findProgram, isAccessible } from './places.mjs';
import { SetupError, runTool, step } from './say.mjs';

/** @typedef {{ package: string, brings: string, isThere: () => boolean }} DebianPackage */

/**
 * @param {string} name of the package
 * @param {string} brings
 * @returns {DebianPackage}
 */
const program = (name, brings) => ({ package: name, brings, isThere: () => findProgram(brings) !== undefined });

/** @type {DebianPackage[]} */
const PACKAGES = [
  program('qemu-system-x86', 'qemu-system-x86_64'),
  { package: 'busybox-static', brings: 'a static /bin/busybox', isThere: () => isAccessible('/bin/busybox') },
  program('kmod', 'modprobe'),
  program('xz-utils', 'xz'),
  program('acpica-tools', 'iasl'),
  program('iproute2', 'ip'),
  // Guests in tests try a disk with them.
  program('fio', 'fio'),
  program('nvme-cli', 'nvme'),
  { package: 'systemd', brings: '/lib/systemd/systemd', isThere: () => isAccessible('/lib/systemd/systemd') },
  program('dbus', 'dbus-daemon'),
  program('udev', 'udevadm'),
  { package: 'pci.ids', brings: '/usr/share/misc/pci.ids', isThere: () => isAccessible('/usr/share/misc/pci.ids') },
];

/** For tests alone: a rig, the demo and the benchmarks do without. */
const TEST_PACKAGES = [program('tshark', 'tshark')];

/** @param {boolean} forTests */
export async function ensureDebianPackages(forTests) {
  const wanted = PACKAGES.concat(forTests ? TEST_PACKAGES : []);
  await unlessDone(
    () => wanted.every(({ isThere }) => isThere()),
    () => installMissing(wanted),
  );
}

/** @param {DebianPackage[]} wanted */
async function installMissing(wanted) {
  const missing = wanted.filter(({ isThere }) => !isThere());
  const names = missing.map((entry) => entry.package);
  const command = `apt-get install --no-install-recommends ${names.join(' ')}`;
  const lack = `This machine has no ${missing.map((entry) => entry.brings).join(', no ')}`;
  const aptGet = findProgram('apt-get');
  if (aptGet === undefined) {
    throw new SetupError(
      `${lack}, and no apt-get to install it with: install what Debian calls ${names.join(', ')} and run this again.`,
    );
  }
  if (process.getuid === undefined || process.getuid() !== 0) {
    throw new SetupError(`${lack}, and only root can install it: run '${command}' as root, then this again.`);
  }
  await step(`installing Debian packages: ${names.join(', ')}`, (progress) => install(aptGet, names, progress));
  const still = missing.filter(({ isThere }) => !isThere());
  if (still.length > 0)
    throw new SetupError(
      `'${command}' ran without an error, but there is still no ${still.map((entry) => entry.brings).join(', no ')}.`,
    );
}

/**
 * @param {string} aptGet
 * @param {string[]} names
 * @param {(note: string) => void} progress
 */
async function install(aptGet, names, progress) {
  const options = { env: { DEBIAN_FRONTEND: 'noninteractive' }, progress };
  const installNow = () =>
    runTool(aptGet, ['install', '--yes', '--no-install-recommends', '-o', 'APT::Status-Fd=3', ...names], options);
  const update = () => runTool(aptGet, ['update', '-o', 'APT::Status-Fd=3'], options);
  if (!hasPackageLists()) {
    await update();
    await installNow();
    return;
  }
  try {
    await installNow();
  } catch {
    // Lists that are out of date name packages which the mirror no longer has.
    progress('once more, with new package lists');
    await update();
    await installNow();
  }
}

function hasPackageLists() {
  const directory = '/var/lib/apt/lists';
  return isAccessible(directory) && readdirSync(directory).some((name) => name.includes('_Packages'));
}
