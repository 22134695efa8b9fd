import { ioctlStruct, type Ioctl } from '../libc/ioctl.ts';

/** A zeroed kernel structure whose first field holds its own size. */
export interface Struct {
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

export function sizedStruct(sizeBytes: number): Struct {
  const bytes = new Uint8Array(sizeBytes);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, sizeBytes, true);
  return { bytes, view };
}

/**
 * Asks for a structure that may be followed by capabilities: once to learn how long it is, and again with that much room.
 * `prepare` fills in what the question holds.
 */
export function askWithCapabilities(
  fd: number,
  request: Ioctl,
  sizeBytes: number,
  prepare: (view: DataView) => void,
  detail: string,
): Struct {
  let room = sizeBytes;
  for (;;) {
    const struct = sizedStruct(room);
    prepare(struct.view);
    ioctlStruct(fd, request, struct.bytes, detail);
    const needed = struct.view.getUint32(0, true);
    if (needed <= room) return struct;
    room = needed;
  }
}
