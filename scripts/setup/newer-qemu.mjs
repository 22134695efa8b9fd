// A QEMU newer than Debian 12's, for rigs with a network card that has virtual functions: from bookworm-backports,
// unpacked into the cache beside the system's own, which stays as it is.
import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'fs';
import { join } from 'path';
import { unlessDone } from './lock.mjs';
import { cacheDirectory, findProgram } from './places.mjs';
import { RELEASE, aptDirectory, privateApt } from './private-apt.mjs';
import { removeTree } from './remove-tree.mjs';
import { SetupError, runTool, step } from './say.mjs';

const MAJOR = 10;
const PACKAGE = 'qemu-system-x86';
const directory = join(cacheDirectory, 'qemu', String(MAJOR));
const NEEDED = `QEMU ${MAJOR} from ${RELEASE}-backports`;

export async function ensureNewerQemu() {
  if (await systemHasIt()) return;
  await unlessDone(
    () => existsSync(join(directory, 'qemu-system-x86_64')),
    () => step(`fetching ${NEEDED} (about 14 MB) and unpacking it into ${directory}`, fetchQemu),
  );
}

async function systemHasIt() {
  const program = findProgram('qemu-system-x86_64');
  if (program === undefined) return false;
  const found = /version (\d+)\./.exec(await runTool(program, ['--version']));
  return found !== null && Number(found[1]) >= MAJOR;
}

/** @param {(note: string) => void} progress */
async function fetchQemu(progress) {
  const aptGet = findProgram('apt-get');
  if (aptGet === undefined)
    throw new SetupError(
      `A rig with network cards needs ${NEEDED}, and this system has no apt-get to fetch it with: install QEMU ${MAJOR} or later as qemu-system-x86_64.`,
    );
  const name = `qemu-${MAJOR}`;
  const suites = [`${RELEASE}-backports`, RELEASE, `${RELEASE}-security`];
  const aptOptions = await privateApt({ name, what: NEEDED, suites }, aptGet);
  progress('package lists');
  await runTool(aptGet, [...aptOptions, 'update', '-o', 'APT::Status-Fd=3', '--error-on=any'], { progress });
  // Resolved against what is installed: only what the system lacks, or has in an older version, comes along.
  await runTool(
    aptGet,
    [
      ...[...aptOptions, '--target-release', `${RELEASE}-backports`, '-o', 'APT::Status-Fd=3'],
      // Nothing is installed, so nothing of dpkg's needs to be locked, which would take root.
      ...['-o', 'Debug::NoLocking=true', '--yes', '--no-install-recommends', '--download-only', 'install', PACKAGE],
    ],
    { progress },
  );
  progress('unpacking');
  const archives = join(aptDirectory(name), 'archives');
  const files = readdirSync(archives).filter((file) => file.endsWith('.deb'));
  if (!files.some((file) => file.startsWith(`${PACKAGE}_`)))
    throw new SetupError(`apt-get has downloaded no ${PACKAGE} from ${RELEASE}-backports into ${archives}.`);
  const unfinished = `${directory}.unfinished`;
  await removeTree(unfinished);
  mkdirSync(unfinished, { recursive: true });
  for (const file of files) await runTool('dpkg-deb', ['--extract', join(archives, file), unfinished]);
  writeStarter(join(unfinished, 'qemu-system-x86_64'));
  await removeTree(aptDirectory());
  await removeTree(directory);
  renameSync(unfinished, directory);
}

/**
 * QEMU with the libraries and firmware that were unpacked with it. It finds itself by where it lies.
 * @param {string} path
 */
function writeStarter(path) {
  writeFileSync(
    path,
    `#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
LD_LIBRARY_PATH="$here/usr/lib/x86_64-linux-gnu:$here/lib/x86_64-linux-gnu\${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
export LD_LIBRARY_PATH
exec "$here/usr/bin/qemu-system-x86_64" -L "$here/usr/share/qemu" -L "$here/usr/share/seabios" -L /usr/share/qemu -L /usr/share/seabios "$@"
`,
  );
  chmodSync(path, 0o755);
}
