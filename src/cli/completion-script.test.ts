import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import type { TestContext } from 'node:test';
import { DirectoryTree } from '../host/index.ts';
import { fakeHost, nvmeHost } from '../host/testing/index.ts';
import { runCli } from './testing/run-cli.ts';

async function script(shell: string): Promise<string> {
  return (await runCli(fakeHost(nvmeHost()), ['completion', shell])).output;
}

/** What bash offers when Tab is pressed at the end of `line`. */
async function offered(t: TestContext, line: string): Promise<string[]> {
  const directory = mkdtempSync(join(tmpdir(), 'dda-completion-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'dda.bash');
  writeFileSync(path, await script('bash'));
  // bash breaks words at colons too: that is how it fills COMP_WORDS.
  const words = line.split(/(?<=:)|(?=:)|\s+/);
  const text = `source ${path}; COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}
COMP_LINE='${line}'; COMP_POINT=${line.length}; _dda; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const result = spawnSync('bash', ['-c', text], { encoding: 'utf8' });
  assert.equal(result.stderr, '');
  return result.stdout.split('\n').filter((word) => word !== '');
}

test('bash: commands', async (t) => {
  const words = await offered(t, 'dda ');
  for (const word of ['check', 'survey', 'dismount', 'mount', 'completion', '--version', '--help']) {
    assert.ok(words.includes(word), word);
  }
  assert.deepEqual(await offered(t, 'dda di'), ['dismount']);
});

test('bash: options of a command', async (t) => {
  assert.deepEqual(await offered(t, 'dda dismount --'), ['--force', '--pool', '--json', '--help']);
  assert.deepEqual(await offered(t, 'dda completion '), ['bash', 'zsh', 'fish', '--help']);
});

test('bash: commands below a command, and their options', async (t) => {
  assert.deepEqual(await offered(t, 'dda vm '), [
    'run',
    'list',
    'add',
    'eject',
    'rescind',
    'stop',
    'create',
    'console',
    '--help',
  ]);
  assert.deepEqual(await offered(t, 'dda vm run --ke'), ['--kernel']);
  assert.deepEqual((await offered(t, 'dda vm eject ')).slice(0, 2), ['--json', '--deadline']);
});

test('bash: addresses of this machine, from any part of one on', async (t) => {
  const addresses = [...new DirectoryTree().list('/sys/bus/pci/devices')];
  assert.deepEqual(
    (await offered(t, 'dda mount ')).filter((word) => !word.startsWith('--')),
    addresses,
  );
  const begun = (await offered(t, 'dda mount 0000:00:')).toSorted();
  assert.deepEqual(
    begun,
    addresses.filter((name) => name.startsWith('0000:00:')).map((name) => name.slice('0000:00:'.length)),
  );
});

test('zsh and fish: every command and option is there', async () => {
  for (const shell of ['zsh', 'fish']) {
    const text = await script(shell);
    for (const word of ['survey', 'dismount', 'mount', 'completion', 'reasons', 'force', 'json']) {
      assert.ok(text.includes(word), `${shell}: ${word}`);
    }
  }
  assert.match(await script('zsh'), /^#compdef dda\n/);
  assert.match(
    await script('fish'),
    /complete -c dda -n '__fish_seen_subcommand_from dismount' -l force -d 'even if the host is using them; says what that breaks'/,
  );
});
