/** What the C library says for an errno, in the C locale; those that the kernel answers to a driver change. */
export const errnoByText: ReadonlyMap<string, string> = new Map([
  ['Operation not permitted', 'EPERM'],
  ['No such file or directory', 'ENOENT'],
  ['Input/output error', 'EIO'],
  ['No such device or address', 'ENXIO'],
  ['Resource temporarily unavailable', 'EAGAIN'],
  ['Cannot allocate memory', 'ENOMEM'],
  ['Permission denied', 'EACCES'],
  ['Device or resource busy', 'EBUSY'],
  ['No such device', 'ENODEV'],
  ['Invalid argument', 'EINVAL'],
  ['Connection timed out', 'ETIMEDOUT'],
  ['Numerical result out of range', 'ERANGE'],
  ['Operation not supported', 'EOPNOTSUPP'],
]);

const textByErrno: ReadonlyMap<string, string> = new Map([...errnoByText].map(([text, code]) => [code, text]));

/** The same words, whoever made the system call. */
export function errnoText(code: string): string {
  return textByErrno.get(code) ?? code;
}
