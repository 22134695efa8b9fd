/** The program of a VM process: `.ts` in the working tree, `.js` beside every other file of the package. */
export function vmProcessProgram(): URL {
  return new URL(import.meta.url.endsWith('.ts') ? './vm-process.ts' : './vm-process.js', import.meta.url);
}
