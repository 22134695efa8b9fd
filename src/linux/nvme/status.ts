/**
 * What a status of {@link NvmeCompletion} means, for those that the commands of this folder are answered with. NVM Express Base
 * Specification 2.0, figures 94 and 95.
 */
const meanings: ReadonlyMap<number, string> = new Map([
  [0x001, 'it has no such command'],
  [0x002, 'a field of the command makes no sense to it'],
  [0x006, 'it had an internal error'],
  [0x007, 'the command was aborted'],
  [0x015, 'that is not permitted'],
  [0x11f, 'it has no controller of that id'],
  [0x120, 'the secondary controller is not in a state for that'],
  [0x121, 'it does not give that many resources to one controller'],
  [0x122, 'it has not that many resources left'],
]);

export function nvmeStatusText(status: number): string {
  const code = `status 0x${status.toString(16).padStart(3, '0')}`;
  const meaning = meanings.get(status);
  return meaning === undefined ? code : `${meaning} (${code})`;
}
