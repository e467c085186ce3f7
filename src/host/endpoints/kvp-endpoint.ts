import { toAvmaError } from '../../errors/avma-error.ts';
import { parseLine } from '../../protocol/frame.ts';
import type { Notify } from '../../system/notify.ts';
import type { Responder } from '../answering/responder.ts';
import type { GuestChannel } from '../channel.ts';
import { ProblemReporter } from '../notify.ts';
import type { ServedEndpoint } from './endpoint.ts';
import { KvpHost } from './kvp-watch.ts';

/**
 * Serves the Hyper-V pool files of one guest, where this host can see them. A failure to read or write is reported
 * once, and again when its message changes.
 *
 * @param folder - Where `.kvp_pool_0` and `.kvp_pool_1` are.
 */
export function serveKvpPools(
  folder: string,
  vmId: string | null,
  respond: Responder,
  notify: Notify,
): ServedEndpoint {
  const channel: GuestChannel = { name: `kvp:${folder}`, vmId };
  const problems = new ProblemReporter(notify);
  const host = new KvpHost({
    folder,
    answer: (line) => respond(parseLine(line), channel),
    onLook: () => problems.report([]),
    onError(thrown) {
      const { message } = toAvmaError(thrown, 'it failed');
      problems.report([`${channel.name} cannot be served: ${message}. It is tried again.`]);
    },
  });
  return { channel, close: () => host.close() };
}
