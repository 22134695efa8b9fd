/** What a guest prints, for a reader that may be slow: so much waits for it; beyond that the oldest is lost, and that is said. */
const MAX_WAITING_BYTES = 256 * 1024;
const encoder = new TextEncoder();

/** `watch` begins and gives what ends it. `ended` is called once. */
export function consoleStream(
  watch: (listener: (bytes: Uint8Array) => void) => () => void,
  stopping: AbortSignal,
  ended: () => void,
): ReadableStream<Uint8Array> {
  const waiting: Uint8Array[] = [];
  let [waitingBytes, lostBytes] = [0, 0];
  let wake: () => void = () => undefined;
  const stop = watch((bytes) => {
    // The manager may use its buffer again.
    waiting.push(bytes.slice());
    waitingBytes += bytes.byteLength;
    while (waitingBytes > MAX_WAITING_BYTES) {
      const dropped = waiting.shift();
      if (dropped === undefined) break;
      waitingBytes -= dropped.byteLength;
      lostBytes += dropped.byteLength;
    }
    wake();
  });
  const end = (): void => {
    stopping.removeEventListener('abort', onStop);
    stop();
    ended();
    wake();
  };
  let isOver = stopping.aborted;
  const onStop = (): void => {
    isOver = true;
    end();
  };
  stopping.addEventListener('abort', onStop);
  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        if (waiting.length === 0 && lostBytes === 0 && !isOver) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
        if (lostBytes > 0) {
          controller.enqueue(encoder.encode(`\n[${lostBytes} bytes of output were lost: nobody read them]\n`));
          lostBytes = 0;
        }
        const bytes = waiting.shift();
        if (bytes !== undefined) {
          waitingBytes -= bytes.byteLength;
          controller.enqueue(bytes);
        } else if (isOver) controller.close();
      },
      cancel: () => {
        isOver = true;
        end();
      },
    },
    { highWaterMark: 1 },
  );
}
