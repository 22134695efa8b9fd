import { runTool } from './say.mjs';

/**
 * Runs the npm that runs this, or else the one in PATH. No package needs its install script.
 * @param {string[]} args
 * @param {string} cwd
 */
export function npm(args, cwd) {
  const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const running = process.env.npm_execpath;
  if (running !== undefined && running.endsWith('npm-cli.js'))
    return runTool(process.execPath, [running, ...args, ...quiet], { cwd });
  return runTool('npm', [...args, ...quiet], { cwd });
}
