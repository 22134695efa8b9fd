/** Two failures of one key are one finding: the same words but for their numbers, from the same place in the product. */
export function failureKey(failure: Error): string {
  const words = failure.message.replaceAll(/0x[0-9a-f]+|\d+/g, '#').slice(0, 120);
  const place = (failure.stack ?? '').split('\n').find((line) => line.includes('/src/')) ?? '';
  return `${words} ${place.trim()}`;
}
