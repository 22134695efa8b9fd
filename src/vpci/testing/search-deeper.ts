/**
 * `node src/vpci/testing/search-deeper.ts [MISCHIEF]`: every state of a provider and each front end, with every event and as many
 * packets overtaken, repeated or forged (1 by default), wherever they can be. Takes about a minute with one, much longer with more.
 */
import { FRONT_END_EVENTS, SearchedFrontEnd } from './searched-front-end.ts';
import { searchStates } from './state-search.ts';

const MOST_STATES = 2_000_000;
const mischief = Number(process.argv[2] ?? 1);

for (const kind of ['linux-style', 'windows-style'] as const) {
  const startedAt = performance.now();
  const build = () => new SearchedFrontEnd(kind, { binds: 1, mischief });
  const { states, transitions, depth } = searchStates(build, FRONT_END_EVENTS, MOST_STATES);
  const seconds = Math.round((performance.now() - startedAt) / 1000);
  console.log(
    `${kind}, ${mischief} packet(s) of mischief: ${states} states, ${transitions} transitions, at most ${depth} events deep, ${seconds} s`,
  );
}
