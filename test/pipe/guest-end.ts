import type { PipeEnvironment } from '../../src/pipe/environment.ts';
import { type LoopbackHost, LoopbackPipe } from '../../src/pipe/loopback.ts';
import { namedPipe } from '../../src/pipe/npipe.ts';
import type { Pipe } from '../../src/pipe/pipe.ts';
import { openPipe } from '../../src/pipe/pipe-uri.ts';

/** What a guest needs to open its end; plain data but for a loopback's host, so that another process can. */
export interface GuestEnd {
  readonly uri: string;
  readonly environment: PipeEnvironment;
  /** Opens the named-pipe class over this unix socket instead of the URI. */
  readonly socketAsNamedPipe?: string;
  /** Opens a pipe to this function instead of the URI; `loopback:` is no scheme that a user could name. */
  readonly loopbackHost?: LoopbackHost;
}

/** The guest's end, opened. The caller closes it. */
export async function openEnd({
  uri,
  environment,
  socketAsNamedPipe,
  loopbackHost,
}: GuestEnd): Promise<Pipe> {
  if (loopbackHost !== undefined) return new LoopbackPipe(loopbackHost);
  return socketAsNamedPipe === undefined ? openPipe(uri, environment) : namedPipe(uri, socketAsNamedPipe);
}
