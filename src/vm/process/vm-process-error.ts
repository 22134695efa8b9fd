/** A request that the VM process refuses; the manager gets code and message. */
export class VmProcessError extends Error {
  override readonly name = 'VmProcessError';
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
