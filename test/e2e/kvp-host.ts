/**
 * Runs in the guest and stands for Hyper-V, of which there is none here: the host's end of the pool files, in front
 * of the host that the pipe in the first argument leads to.
 */

import { KvpHost } from '../../src/host/endpoints/kvp-watch.ts';
import { openPipe } from '../../src/pipe/pipe-uri.ts';
import { KVP_FOLDER } from '../../src/protocol/defaults.ts';

new KvpHost({
  folder: `/${KVP_FOLDER}`,
  channel: 'kvp',
  async answer(frame) {
    const pipe = await openPipe(process.argv[2] ?? '');
    const line = await pipe
      .exchange(frame, { signal: AbortSignal.timeout(10_000) })
      .finally(() => pipe.close());
    return Buffer.concat([Buffer.from('\n'), line, Buffer.from('\n')]);
  },
  onError: (thrown) => console.error(thrown),
});
