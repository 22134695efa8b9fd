import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import type { Act } from './act-gate.ts';
import { type Answer, DIED, type Question, required } from './words.ts';

export type Answered = Answer & { readonly ok: true };
export interface Death {
  readonly ok: undefined;
  /** Undefined: it was not its own hand. */
  readonly at: Act | undefined;
}

/** A manager in a process of its own. */
export class ManagerProcess {
  readonly #child: ChildProcess;
  readonly #ended: Promise<Death>;
  #said = '';

  constructor() {
    this.#child = fork(required('DDA_MORTAL_MANAGER'), {
      // Not as a test of its own.
      execArgv: [],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (part: string) => {
        this.#said += part;
      });
    }
    this.#ended = new Promise((resolve) => {
      this.#child.once('close', () => resolve({ ok: undefined, at: this.#lastWords() }));
    });
  }

  get processId(): number {
    return this.#child.pid ?? assert.fail('it has no process');
  }

  /** Fails when it can't be done, and when the process ends. */
  async ask(question: Question): Promise<Answered> {
    const answer = await this.askMortal(question);
    assert.ok(answer.ok === true, `the manager ended: ${this.#said}`);
    return answer;
  }

  /** Gives its answer, or how it died. */
  async askMortal(question: Question): Promise<Answered | Death> {
    const answered = new Promise<Answer>((resolve) => this.#child.once('message', resolve));
    this.#child.send(question);
    const answer = await Promise.race([answered, this.#ended]);
    if (answer.ok === false) assert.fail(`${answer.text}\n${this.#said}`);
    if (answer.ok === undefined) assert.equal(this.#child.signalCode, 'SIGKILL', this.#said);
    return answer;
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }

  #lastWords(): Act | undefined {
    const line = this.#said.split('\n').find((each) => each.startsWith(DIED));
    return line === undefined ? undefined : (JSON.parse(line.slice(DIED.length)) as Act);
  }
}
