/**
 * A program of its own: sends commands to a device or to the kernel's network links and prints what came back. Whatever waits in
 * the kernel is this process, which nobody waits for longer than they want. One JSON request on standard input, one JSON answer.
 */
import { readFileSync } from 'node:fs';
import { SystemCallError, exchangeRouteMessages, sendNvmeAdmin } from '../../linux/index.ts';
import type { DeviceAnswer, DeviceRequest } from './device-commands.ts';

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

function answer(request: DeviceRequest): DeviceAnswer {
  try {
    if (request.to === 'links') {
      const messages = request.messages.map((message) => new Uint8Array(Buffer.from(message, 'base64')));
      return { ok: true, answers: exchangeRouteMessages(messages).map(base64) };
    }
    const completions = sendNvmeAdmin(request.node, request.commands, request.timeoutMs);
    return { ok: true, completions: completions.map(({ data, ...rest }) => ({ ...rest, data: base64(data) })) };
  } catch (error) {
    if (!(error instanceof SystemCallError)) throw error;
    return { ok: false, code: error.code, text: error.message };
  }
}

const request = JSON.parse(readFileSync(0, 'utf8')) as DeviceRequest;
process.stdout.write(JSON.stringify(answer(request)));
