import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { lastWordsIn } from './last-words.ts';

test('what a process says when it fails is found again, whatever stands around it', () => {
  const module = new URL('./last-words.ts', import.meta.url).href;
  const program = `const { sayLastWords } = await import(${JSON.stringify(module)});
    console.error('a warning'); sayLastWords(new RangeError('too\\nmuch')); process.exit(1);`;
  const { stderr, status } = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' });
  assert.equal(status, 1);
  assert.equal(lastWordsIn(stderr), 'too much');
  assert.match(stderr, /RangeError: too/);
});

test('the first line where it said nothing of its own', () => {
  assert.equal(lastWordsIn('\nSegmentation fault\nmore'), 'Segmentation fault');
  assert.equal(lastWordsIn('#\n# Fatal error in , line 0\n#'), '# Fatal error in , line 0');
  assert.equal(lastWordsIn(''), undefined);
});
