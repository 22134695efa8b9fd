// Debian's kernel packages, unpacked into the cache and never installed. They come from the mirror that this system's own
// apt is configured with, by an apt that keeps its lists in the cache: nothing of the system's apt changes, and root isn't needed.
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, writeFileSync } from 'fs';
import { join } from 'path';
import { unlessDone } from './lock.mjs';
import { cacheDirectory, findProgram } from './places.mjs';
import { removeTree } from './remove-tree.mjs';
import { SetupError, runTool, step } from './say.mjs';

const RELEASE = 'bookworm';
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

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
  const aptOptions = await privateApt(series, aptGet);
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
  await removeTree(join(cacheDirectory, 'apt'));
  await removeTree(directory);
  renameSync(unfinished, directory);
}

/**
 * Options that give apt sources, lists and a cache of its own.
 * @param {Series} series
 * @param {string} aptGet
 */
async function privateApt(series, aptGet) {
  const directory = join(cacheDirectory, 'apt', series);
  for (const part of ['lists/partial', 'archives/partial']) mkdirSync(join(directory, part), { recursive: true });
  const sources = join(directory, 'sources.list');
  const signedBy = existsSync(KEYRING) ? ` signed-by=${KEYRING}` : '';
  const suites = await suitesWithAddress(series, aptGet);
  writeFileSync(
    sources,
    suites.map(({ address, suite }) => `deb [arch=amd64${signedBy}] ${address} ${suite} main\n`).join(''),
  );
  const settings = {
    'Dir::State': directory,
    'Dir::State::Lists': join(directory, 'lists'),
    'Dir::State::status': '/var/lib/dpkg/status',
    'Dir::Cache': directory,
    'Dir::Cache::archives': join(directory, 'archives'),
    'Dir::Etc::SourceList': sources,
    'Dir::Etc::SourceParts': '/dev/null',
    'Dir::Etc::PreferencesParts': '/dev/null',
    // Its unprivileged download user could not write into the cache.
    'APT::Sandbox::User': 'root',
    'Acquire::Languages': 'none',
  };
  return Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
}

/**
 * @param {Series} series
 * @param {string} aptGet
 */
async function suitesWithAddress(series, aptGet) {
  const given = process.env.DDA_DEBIAN_MIRROR;
  const configured = await configuredSuites(aptGet);
  const main = given === undefined ? mainMirror(configured) : given;
  if (main === undefined) {
    throw new SetupError(
      `The rig needs Debian's ${series} kernel, and this system's apt is configured with no Debian mirror: set DDA_DEBIAN_MIRROR to the address of one.`,
    );
  }
  return SUITES[series].flatMap((suite) => {
    const known = configured.find((target) => target.suite === suite);
    if (known !== undefined) return [known];
    // The security suite has an archive of its own, which can't be derived from the main one.
    return suite.endsWith('-security') ? [] : [{ address: main, suite }];
  });
}

/** @param {{ address: string, suite: string }[]} configured */
function mainMirror(configured) {
  const isDebian = /^ID=debian$/m.test(existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '');
  const codename = /^VERSION_CODENAME=(\S+)$/m.exec(
    existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '',
  );
  const names = [RELEASE].concat(
    isDebian && codename !== null && codename[1] !== undefined ? codename[1] : [],
    isDebian ? ['stable', 'oldstable'] : [],
  );
  const found = configured.find(({ suite }) => names.includes(suite));
  return found === undefined ? undefined : found.address;
}

/**
 * What the system's own apt fetches package lists from.
 * @param {string} aptGet
 */
async function configuredSuites(aptGet) {
  const printed = await runTool(aptGet, [
    'indextargets',
    '--format',
    '$(REPO_URI)|$(RELEASE)|$(COMPONENT)',
    'Identifier: Packages',
  ]);
  return printed
    .split('\n')
    .map((line) => line.split('|'))
    .filter(([, , component]) => component === 'main')
    .map(([address = '', suite = '']) => ({ address, suite }));
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
