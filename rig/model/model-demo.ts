import { Command } from 'commander';
import { processTerminal, wrap } from '../../src/cli/index.ts';
import { reportOf } from '../../src/host/index.ts';
import { modelSteps, type ModelStepTime, runModelStory } from './model-story.ts';

const EXIT_FAILED = 6;
const NAME_WIDTH = Math.max(...modelSteps.map((name) => name.length));
const TIME_WIDTH = 8;

/** Said before anything else: nobody shall take it for the real thing. */
const WHAT_IT_IS = [
  "A model of the demo, in this process alone: no QEMU, no KVM, no kernel of a guest. dda's own VMBus server, vPCI provider,",
  "assignment and software NVMe are the product's; the two guests are front ends of dda's own, and what KVM would do (address",
  'space, interrupts) is played. Times say nothing about a real machine. npm run demo shows the same with a real kernel.',
].join(' ');

/** `npm run demo -- --model`: gives the exit code. */
export async function runModelDemo(words: readonly string[]): Promise<number> {
  const { json } = new Command('npm run demo --')
    .description(
      "Shows the life of a lent function with dda's own front ends in place of a guest. It needs nothing but Node.",
    )
    .requiredOption('--model', 'this demo')
    .option('--json', 'end with one JSON document on standard output; progress goes to standard error')
    .exitOverride()
    .parse([...words], { from: 'user' })
    .opts<{ readonly json?: boolean }>();
  const terminal = processTerminal();
  const say = (text: string): void => (json === true ? terminal.notices(text) : terminal.output(text));
  const document = (value: object): void => {
    if (json === true) terminal.output(`${JSON.stringify(value)}\n`);
  };
  const steps: Omit<ModelStepTime, 'shown'>[] = [];
  say(`${wrap(terminal, WHAT_IT_IS, '', '')}\n`);
  try {
    const started = performance.now();
    const guests = await runModelStory(({ guest, name, ms, shown }) => {
      if (name === modelSteps[0]) say(`\n${terminal.style('bold', `${guest} front end`)}\n`);
      steps.push({ guest, name, ms });
      const head = `${name.padEnd(NAME_WIDTH)}${`${(ms / 1000).toFixed(2)} s`.padStart(TIME_WIDTH)}  `;
      say(`${wrap(terminal, shown, head, ' '.repeat(head.length))}\n`);
    });
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    say(
      `\n${terminal.style('bold', `A model, not a machine: ${guests.length} front ends, all of it as it should be, ${seconds} s.`)}\n`,
    );
    document({ ok: true, model: true, guests, steps });
    return 0;
  } catch (error) {
    const { code, message } = reportOf(error);
    if (code === 'unexpected' && error instanceof Error) terminal.notices(`${error.stack ?? ''}\n`);
    say(`${terminal.style('red', 'error')} [${code}]: ${message}\n`);
    document({ ok: false, model: true, error: { code, message }, steps });
    return EXIT_FAILED;
  }
}
