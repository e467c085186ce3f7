/**
 * Runs in the guest and stands for Hyper-V, of which there is none here: the host's end of the pool files, in front
 * of the host that the pipe in the first argument leads to.
 */

import { KvpHost } from '../../src/host/endpoints/kvp-watch.ts';
import { openPipe } from '../../src/pipe/pipe-uri.ts';
import { KVP_FOLDER } from '../../src/protocol/defaults.ts';
import { parseLine } from '../../src/protocol/frame.ts';
import { HANG_MS } from '../support/hang.ts';

new KvpHost({
  folder: `/${KVP_FOLDER}`,
  async answer(line) {
    const pipe = await openPipe(process.argv[2] ?? '');
    const answer = await pipe
      .exchange(Buffer.from(`\n${line}\n`, 'latin1'), { signal: AbortSignal.timeout(HANG_MS) })
      .finally(() => pipe.close());
    const parsed = parseLine(Buffer.from(answer).toString('latin1').trim());
    return parsed.kind === 'frame' ? parsed.frame : null;
  },
  onError: (thrown) => console.error(thrown),
});
