/** A guest that sends as fast as it can, and two that ask now and then, each on a socket of its own. */
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Responder } from '../../../src/host/answering/responder.ts';
import { listenUnix } from '../../../src/host/endpoints/unix-listener.ts';
import { encodeFrame } from '../../../src/protocol/frame.ts';
import { NO_DEADLINE } from '../../support/no-deadline.ts';
import { rawRequest } from '../../support/raw-request.ts';
import { connectClient } from '../../support/socket-client.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { createTestHost } from '../../support/test-host.ts';

/** As many as a socket takes. */
const FLOOD_CONNECTIONS = 128;
const QUIET_REQUESTS = 40;

test('a guest waits for a few frames of others, however many a third one has waiting', async () => {
  const host = createTestHost({ throttle: { burst: 1_000_000, windowMs: 60_000 } });
  const folder = tempFolder();
  let floodAnswers = 0;
  let floodWaiting = 0;
  /** For each quiet request: how many frames of the flood waited when it came, and how many were answered before it. */
  const waits: { waiting: number; overtaken: number }[] = [];
  const respond: Responder = async (line, channel, arrivedAt) => {
    if (channel.name.endsWith('flood')) {
      floodWaiting++;
      const answer = await host.respond(line, channel, arrivedAt);
      floodWaiting--;
      floodAnswers++;
      return answer;
    }
    const [waiting, before] = [floodWaiting, floodAnswers];
    const answer = await host.respond(line, channel, arrivedAt);
    waits.push({ waiting, overtaken: floodAnswers - before });
    return answer;
  };
  const open = async (name: string) => {
    const socket = path.join(folder, name);
    const own = { path: socket, vmId: null, mode: 0o600 };
    const endpoint = await listenUnix(own, { respond, observe: host.observe }, () => {});
    onTestFinished(() => endpoint.close(NO_DEADLINE));
    return socket;
  };
  const flood = await open('flood');
  let over = false;
  const hello = encodeFrame({ type: 'hello', exchangeId: 'ab'.repeat(16), body: new Uint8Array() });
  const flooders = Array.from({ length: FLOOD_CONNECTIONS }, async () => {
    const client = await connectClient(flood);
    while (!over) {
      await client.send(hello);
      await client.next();
    }
  });
  const quiet = ['quiet-1', 'quiet-2'].map(async (name) => {
    const client = await connectClient(await open(name));
    for (let nth = 0; nth < QUIET_REQUESTS; nth++) {
      await client.send(rawRequest(host).bytes);
      expect((await client.next()).type).toBe('response');
    }
  });
  await Promise.all(quiet);
  over = true;
  await Promise.all(flooders);

  expect(waits).toHaveLength(2 * QUIET_REQUESTS);
  // Else the flood was none, and this test shows nothing.
  expect(Math.max(...waits.map(({ waiting }) => waiting))).toBeGreaterThan(FLOOD_CONNECTIONS / 2);
  // A turn of the other quiet guest, one of the flood, and the frames that were begun in the same look at the sockets.
  expect(Math.max(...waits.map(({ overtaken }) => overtaken))).toBeLessThanOrEqual(8);
});
