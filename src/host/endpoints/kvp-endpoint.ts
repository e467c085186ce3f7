import { LineReader } from '../../protocol/line-reader.ts';
import { encodeFault, type Responder } from '../answering/responder.ts';
import type { GuestChannel } from '../channel.ts';
import type { Notify, ServedEndpoint } from './endpoint.ts';
import { KvpHost } from './kvp-watch.ts';

/**
 * Serves the Hyper-V pool files of one guest, where this host can see them. What cannot be read or written is told
 * once, until it is something else.
 *
 * @param folder - Where `.kvp_pool_0` and `.kvp_pool_1` lie.
 */
export function serveKvpPools(
  folder: string,
  vmId: string | null,
  respond: Responder,
  notify: Notify,
): ServedEndpoint {
  const channel: GuestChannel = { name: `kvp:${folder}`, vmId };
  let told = '';
  const host = new KvpHost({
    folder,
    channel: channel.name,
    async answer(frame) {
      const [parsed] = new LineReader().push(frame);
      if (parsed === undefined) return null;
      if (parsed.kind === 'unsupported') return encodeFault(parsed.exchangeId, 'protocol-unsupported');
      return respond(parsed.frame, channel);
    },
    onError(thrown) {
      const problem = thrown instanceof Error ? thrown.message : String(thrown);
      if (problem !== told) notify(`${channel.name} cannot be served: ${problem}`);
      told = problem;
    },
  });
  return { channel, close: () => host.close() };
}
