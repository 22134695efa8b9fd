/**
 * `node src/host/ownership/testing/search-deeper.ts`: the search over worlds that are too large for the quick tests. Takes minutes.
 */
import { step } from '../step.ts';
import { hostFunction, sriov } from './scopes.ts';
import { searchOwnership } from './search.ts';

const worlds = {
  'two VMs, a physical function with two virtual ones': sriov(['first', 'second'], ['one', 'other']),
  'two VMs, two functions that have nothing to do with each other': {
    vms: ['first', 'second'],
    functions: [hostFunction('a', 'group'), hostFunction('b', 'other group', 'no')],
  },
};

for (const [world, scope] of Object.entries(worlds)) {
  const startedAt = performance.now();
  const { states, transitions, longest } = searchOwnership(step, scope);
  const seconds = Math.round((performance.now() - startedAt) / 1000);
  console.log(`${world}: ${states} states, ${transitions} transitions, ${seconds} s`);
  for (const [name, steps] of longest) console.log(`  ${name} is home after at most ${steps} time-outs and answers`);
}
