import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FRONT_END_EVENTS, type FrontEndEvent, SearchedFrontEnd } from '../testing/searched-front-end.ts';
import { searchStates } from '../testing/state-search.ts';

/** `node src/vpci/testing/search-deeper.ts` has what takes longer: every event, and mischief. */
const SEARCHES: readonly {
  readonly name: string;
  readonly without: readonly FrontEndEvent[];
  readonly mischief: number;
  readonly least: number;
}[] = [
  { name: 'ejected, pulled out and rescinded at any moment', without: ['unbind'], mischief: 0, least: 500 },
  {
    name: 'one packet overtaken, repeated or forged at any moment',
    without: ['unbind', 'surprise removal', 'time'],
    mischief: 1,
    least: 500,
  },
];

for (const kind of ['linux-style', 'windows-style'] as const) {
  for (const { name, without, mischief, least } of SEARCHES) {
    test(`every state of a provider and a ${kind} guest: ${name}`, (t) => {
      const events = FRONT_END_EVENTS.filter((event) => !without.includes(event));
      const build = () => new SearchedFrontEnd(kind, { binds: 1, mischief });
      const { states, transitions, depth } = searchStates(build, events, 20_000);
      t.diagnostic(`${states} states, ${transitions} transitions, at most ${depth} events deep`);
      assert.ok(states > least, 'the search got somewhere');
    });
  }
}
