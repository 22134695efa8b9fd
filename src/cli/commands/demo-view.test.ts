import assert from 'node:assert/strict';
import test from 'node:test';
import type { DemoResult } from '../../host/index.ts';
import { demoReporter, retell } from './demo-audience.ts';
import { DemoView } from './demo-view.ts';

const result: DemoResult = {
  guestKernel: '6.1.0-43-amd64',
  cpus: 2,
  function: '0000:01:00.0',
  bytesWritten: 16_777_216,
  bytesVerifiedOnHost: 16_777_216,
  reads: 2000,
  readsMs: 1000,
  interrupts: 2001,
  userspaceExits: 3,
  exitsTracedByKvm: 3,
};

interface Shown {
  output: string;
  notices: string;
}

function view(options: { json?: boolean; verbose?: boolean; columns?: number } = {}): [DemoView, Shown] {
  const shown: Shown = { output: '', notices: '' };
  const { json = false, verbose = false, columns } = options;
  const terminal = {
    output: (text: string) => void (shown.output += text),
    notices: (text: string) => void (shown.notices += text),
    style: (_: string, text: string) => text,
    columns,
  };
  return [new DemoView({ terminal, json, verbose, consoles: () => ({ "the host's kernel": 'host line\n' }) }), shown];
}

test('a step is one line with its time, then what was to be seen', () => {
  const [it, shown] = view();
  it.event({ event: 'step-started', name: 'mount' });
  it.event({ event: 'step-ended', name: 'mount', ms: 12_340, shown: ['bind 0000:01:00.0 to nvme'] });
  assert.equal(
    shown.output,
    [
      "mount       12.3 s  vfio-pci lets go; the host's own driver has the device again.",
      '                      - bind 0000:01:00.0 to nvme',
      '',
    ].join('\n'),
  );
});

test('on a terminal the running step has a line that its result replaces', () => {
  const [it, shown] = view({ columns: 60 });
  it.event({ event: 'step-started', name: 'mount' });
  const running = "mount            …  vfio-pci lets go; the host's own driver";
  assert.equal(shown.output, running);
  it.event({ event: 'step-ended', name: 'mount', ms: 100, shown: [] });
  assert.equal(
    shown.output.slice(running.length),
    "\r\u001b[Kmount        0.1 s  vfio-pci lets go; the host's own driver\n                    has the device again.\n",
  );
});

test('the end names each number; 3 exits in 2,000 reads are not hidden', () => {
  const [it, shown] = view();
  it.done(result);
  assert.match(shown.output, /0000:01:00\.0 was lent to a guest \(Linux 6\.1\.0-43-amd64, 2 CPUs\) and is back\./);
  assert.match(shown.output, /exits per read +0\.00 .* 3 in 2,000 reads \(KVM's own/);
  assert.match(shown.output, /reads +2,000 .* 2,000 a second/);
});

test('with --json standard output has one line, and it has exactly this', () => {
  const [it, shown] = view({ json: true });
  it.event({ event: 'step-started', name: 'survey' });
  it.event({ event: 'step-ended', name: 'survey', ms: 12, shown: [] });
  it.done(result);
  assert.match(shown.notices, /^survey/);
  assert.equal(
    shown.output,
    '{"ok":true,"guestKernel":"6.1.0-43-amd64","cpus":2,"function":"0000:01:00.0","bytesWritten":16777216,' +
      '"bytesVerifiedOnHost":16777216,"interrupts":2001,"userspaceExitsPerIo":0.0015,"steps":[{"name":"survey","ms":12}]}\n',
  );
});

test('a failure with --json says what failed and how far it came', () => {
  const [it, shown] = view({ json: true });
  it.event({ event: 'step-ended', name: 'survey', ms: 12, shown: [] });
  it.event({ event: 'step-started', name: 'dismount' });
  it.failed({ code: 'function-in-use', message: "Can't." });
  assert.equal(
    shown.output,
    '{"ok":false,"error":{"code":"function-in-use","message":"Can\'t."},"steps":[{"name":"survey","ms":12}]}\n',
  );
  assert.match(shown.notices, /^dismount .* failed$/m);
  assert.match(shown.notices, /error \[function-in-use\]: Can't\./);
});

test('a failure shows the last lines of every console, without what a guest could do to a terminal', () => {
  const [it, shown] = view();
  it.event({ event: 'console', text: 'first\r\n\u001b]0;title\u0007\u0000sec' });
  it.event({ event: 'console', text: 'ond\n' });
  it.failed({ code: 'demo-guest-ended', message: 'It ended.' });
  assert.match(shown.output, /--- last lines of the guest's console\nfirst\nsecond\n---\n/);
  assert.match(shown.output, /--- last lines of the host's kernel\nhost line\n---\n/);
});

test('--verbose shows the console line by line as it comes', () => {
  const [it, shown] = view({ verbose: true });
  it.event({ event: 'step-started', name: 'boot-guest' });
  it.event({ event: 'console', text: 'one\r\ntw' });
  it.event({ event: 'console', text: 'o\r\n' });
  assert.match(shown.output, /^boot-guest .*Hyper-V\.\nguest \| one\nguest \| two\n$/);
});

test('what one process reports, another tells as it was', () => {
  const lines: string[] = [];
  const reporter = demoReporter((line) => lines.push(line));
  reporter.event({ event: 'step-started', name: 'write' });
  reporter.event({ event: 'console', text: 'a\nb' });
  reporter.done(result);
  reporter.failed({ code: 'x', message: 'y' });
  const heard: unknown[] = [];
  for (const line of lines) {
    assert.equal(line.indexOf('\n'), line.length - 1);
    retell(line, {
      event: (event) => heard.push(event),
      done: (value) => heard.push(value),
      failed: (value) => heard.push(value),
    });
  }
  assert.deepEqual(heard, [
    { event: 'step-started', name: 'write' },
    { event: 'console', text: 'a\nb' },
    result,
    { code: 'x', message: 'y' },
  ]);
});
