// Debian's kernel packages, unpacked into the cache and never installed.
import { existsSync, mkdirSync, readdirSync, renameSync } from 'fs';
import { join } from 'path';
import { unlessDone } from './lock.mjs';
import { cacheDirectory, findProgram } from './places.mjs';
import { RELEASE, aptDirectory, privateApt } from './private-apt.mjs';
import { removeTree } from './remove-tree.mjs';
import { SetupError, runTool, step } from './say.mjs';

/**
 * @typedef {'6.1' | '6.12'} Series
 * @type {Record<Series, string[]>} the suites that have it
 */
const SUITES = { 6.1: [RELEASE, `${RELEASE}-security`], 6.12: [`${RELEASE}-backports`] };

/** @param {Series[]} wanted */
export async function ensureKernels(wanted) {
  for (const series of wanted) {
    const directory = join(cacheDirectory, 'kernels', series);
    await unlessDone(
      () => existsSync(join(directory, 'lib/modules')),
      () =>
        step(`fetching Debian's ${series} kernel (about 100 MB) and unpacking it into ${directory}`, (progress) =>
          fetchKernel(series, directory, progress),
        ),
    );
  }
}

/**
 * @param {Series} series
 * @param {string} directory
 * @param {(note: string) => void} progress
 */
async function fetchKernel(series, directory, progress) {
  const aptGet = findProgram('apt-get');
  if (aptGet === undefined)
    throw new SetupError(`The rig needs Debian's ${series} kernel, and this system has no apt-get to fetch it with.`);
  const aptOptions = await privateApt(
    { name: series, what: `Debian's ${series} kernel`, suites: SUITES[series] },
    aptGet,
  );
  progress('package lists');
  await runTool(aptGet, [...aptOptions, 'update', '-o', 'APT::Status-Fd=3', '--error-on=any'], { progress });
  const name = await newestPackage(series, aptOptions);
  const unfinished = `${directory}.unfinished`;
  await removeTree(unfinished);
  mkdirSync(unfinished, { recursive: true });
  await runTool(aptGet, [...aptOptions, 'download', '-o', 'APT::Status-Fd=3', name], { cwd: unfinished, progress });
  const archive = readdirSync(unfinished).find((file) => file.endsWith('.deb'));
  if (archive === undefined)
    throw new SetupError(`apt-get has downloaded ${name}, but there is no such file in ${unfinished}.`);
  progress('unpacking');
  await runTool('dpkg-deb', ['--extract', archive, '.'], { cwd: unfinished });
  await removeTree(join(unfinished, archive));
  const release = readdirSync(join(unfinished, 'lib/modules'))[0];
  if (release === undefined) throw new SetupError(`${name} has no modules.`);
  // The package's own scripts would do this at installation.
  await runTool(findProgram('depmod') || 'depmod', ['--basedir', unfinished, release]);
  await removeTree(aptDirectory());
  await removeTree(directory);
  renameSync(unfinished, directory);
}

/**
 * The newest of the series' ordinary kernels for this machine.
 * @param {Series} series
 * @param {string[]} aptOptions
 */
async function newestPackage(series, aptOptions) {
  const prefix = `linux-image-${series}.`;
  const names = (await runTool('apt-cache', [...aptOptions, 'pkgnames', prefix])).split('\n');
  const ordinary = names.filter((name) => /^linux-image-\d+\.\d+\.\d+(-\d+|\+[a-z0-9.]+)-amd64$/.test(name));
  const newest = ordinary.sort((one, other) => one.localeCompare(other, 'en', { numeric: true })).pop();
  if (newest === undefined)
    throw new SetupError(
      `The rig needs Debian's ${series} kernel, and the configured Debian mirror has none in ${SUITES[series].join(' or ')}.`,
    );
  return newest;
}
