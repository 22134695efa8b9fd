// The order of the parts: each imports only from parts above it in this list, and only through their index.ts.
const PARTS = ['linux', 'pci', 'functions', 'hyperv', 'vmbus', 'vpci', 'trace', 'vm', 'host', 'api', 'cli'];

const layers = PARTS.map((part, position) => ({
  name: `layers-${part}`,
  comment: `src/${part} may import only from parts above it (${PARTS.slice(0, position).join(', ') || 'none'}).`,
  severity: 'error',
  from: { path: `^src/${part}/` },
  to: { path: '^src/', pathNot: `^src/(${PARTS.slice(0, position + 1).join('|')})/` },
}));

module.exports = {
  forbidden: [
    ...layers,
    {
      name: 'through-the-front-door',
      comment: "A part is imported through its index.ts; tests may also use its testing/ helpers, through their index.ts. What the VM process and its manager say to each other has a door of its own, src/vm/process, so that commands that start no VM load none of it.",
      severity: 'error',
      from: { path: '^src/([^/]+)/' },
      to: { path: '^src/[^/]+/', pathNot: ['^src/$1/', '^src/[^/]+/(testing/)?index\\.ts$', '^src/vm/process/index\\.ts$'] },
    },
    {
      name: 'product-without-test-helpers',
      comment: 'What is shipped does not use test helpers.',
      severity: 'error',
      from: { path: '^src/', pathNot: ['\\.test\\.ts$', '/testing/'] },
      to: { path: '/testing/' },
    },
    {
      name: 'product-alone',
      comment: 'src/ stands alone: the rig, the tests, the benchmarks and the fuzzer use it, not the other way round.',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(rig|test|bench|fuzz|scripts)/' },
    },
    {
      name: 'native-code-behind-one-door',
      comment: 'Only src/linux talks to the kernel through FFI.',
      severity: 'error',
      from: { path: '^(src|rig|test|bench|fuzz)/', pathNot: '^src/linux/' },
      to: { path: 'koffi' },
    },
    { name: 'no-cycles', comment: 'Files do not import each other in circles.', severity: 'error', from: {}, to: { circular: true } },
    { name: 'resolvable', comment: 'Every import leads somewhere.', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
};
