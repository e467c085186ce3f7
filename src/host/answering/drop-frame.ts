import type { Frame } from '../../protocol/frame.ts';
import { type Asked, elapsedSince, FAULT_REASONS, faultFrame } from './asked.ts';
import type { FrameVerdict } from './host-throttle.ts';

/**
 * How long the answer to a dropped frame is held back, in milliseconds. A connection asks again only when it has its
 * answer, so one that floods the host costs it ten faults a second, and the others wait for nothing.
 */
const DROP_PAUSE_MS = 100;

/** What a guest may send, for the operator. */
const WHAT = { hello: 'a hello', fetch: 'a fetch of a document' } as const;

/** Answers a frame that is too much, for its channel or for the host, by an unsigned fault. Few are observed. */
export async function dropFrame(
  asked: Pick<Asked, 'environment' | 'frame' | 'channel' | 'arrivedAt'>,
  { kind, retryAfter }: Exclude<FrameVerdict, { readonly kind: 'pass' }>,
): Promise<Frame> {
  const { environment, frame, channel } = asked;
  const { exchangeId, type } = frame;
  const code = 'throttled';
  const message = FAULT_REASONS[code];
  if (kind !== 'drop') environment.observe({ kind: 'request-dropped', channel });
  else if (type === 'hello' || type === 'fetch') {
    environment.observe({ kind: 'frame-faulted', what: WHAT[type], channel, code, message });
  } else {
    const moment = { at: environment.now(), channel, exchangeId, code, message } as const;
    environment.observe({
      ...{ kind: 'request-faulted', ...moment },
      ...{ request: null, elapsedMs: elapsedSince(asked) },
    });
  }
  await environment.pause(DROP_PAUSE_MS);
  return faultFrame(exchangeId, code, retryAfter);
}
