/** The events in a stream of server-sent events, one by one. `read` ends where the stream ends. */
export async function* readEvents<Event>(stream: ReadableStream<Uint8Array>): AsyncGenerator<Event> {
  for await (const block of blocksOf(stream)) {
    const data = block
      .split('\n')
      .filter((line) => line.startsWith('data: '))
      .map((line) => line.slice('data: '.length))
      .join('\n');
    if (data !== '') yield JSON.parse(data) as Event;
  }
}

/** Texts between empty lines. */
async function* blocksOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const bytes of stream) {
    const parts = `${rest}${decoder.decode(bytes, { stream: true })}`.split('\n\n');
    rest = parts.pop() ?? '';
    yield* parts;
  }
}
