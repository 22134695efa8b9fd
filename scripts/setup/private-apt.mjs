// Fetching Debian packages without installing them. They come from the mirror that this system's own apt is configured
// with, by an apt that keeps its lists in the cache: nothing of the system's apt changes, and root isn't needed.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'fs';
import { join } from 'path';
import { cacheDirectory } from './places.mjs';
import { SetupError, runTool } from './say.mjs';

export const RELEASE = 'bookworm';
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

/**
 * What is fetched: `what` as it is called in sentences, from these suites.
 * @typedef {{ name: string, what: string, suites: string[] }} Wanted
 */

/**
 * Where the lists and archives are while something is fetched; without a name, of all of it.
 * @param {string} [name]
 */
export const aptDirectory = (name = '') => join(cacheDirectory, 'apt', name);

/**
 * Options that give apt sources, lists and a cache of its own.
 * @param {Wanted} wanted
 * @param {string} aptGet
 */
export async function privateApt(wanted, aptGet) {
  const directory = aptDirectory(wanted.name);
  for (const part of ['lists/partial', 'archives/partial']) mkdirSync(join(directory, part), { recursive: true });
  const sources = join(directory, 'sources.list');
  const signedBy = existsSync(KEYRING) ? ` signed-by=${KEYRING}` : '';
  const suites = await suitesWithAddress(wanted, aptGet);
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
 * @param {Wanted} wanted
 * @param {string} aptGet
 */
async function suitesWithAddress(wanted, aptGet) {
  const given = process.env.DDA_DEBIAN_MIRROR;
  const configured = await configuredSuites(aptGet);
  const main = given === undefined ? mainMirror(configured) : given;
  if (main === undefined) {
    throw new SetupError(
      `The rig needs ${wanted.what}, and this system's apt is configured with no Debian mirror: set DDA_DEBIAN_MIRROR to the address of one.`,
    );
  }
  return wanted.suites.flatMap((suite) => {
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
