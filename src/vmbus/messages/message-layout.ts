import { type Decoded, type Fields, Layout } from '../../hyperv/index.ts';
import { type MessageName, MessageType } from './message-type.ts';

/** A decoded message: its name beside its fields. */
export type Message<N extends MessageName, F extends Fields> = { readonly name: N } & Decoded<F>;

/** The layout of one VMBus message. Offsets count from the start of the message, whose first 8 bytes are type and padding. */
export class MessageLayout<N extends MessageName, F extends Fields> extends Layout<F> {
  declare readonly name: N;
  readonly type: MessageType;

  constructor(name: N, source: string, sizeBytes: number, fields: F) {
    super(name, source, sizeBytes, fields);
    this.type = MessageType[name];
  }

  /** The message with the given fields; absent ones are zero. */
  override encode(values: Partial<Decoded<F>>): Uint8Array<ArrayBuffer> {
    const data = super.encode(values);
    new DataView(data.buffer).setUint32(0, this.type, true);
    return data;
  }

  /** As {@link decode}, with the message's name. */
  read(data: Uint8Array): Message<N, F> {
    return { name: this.name, ...this.decode(data) };
  }
}
