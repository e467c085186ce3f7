import { appendFileSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { gatherLines, splitLine } from '../../src/kvp/message.ts';
import { encodeRecord, readPool } from '../../src/kvp/pool.ts';
import { GUEST_TO_HOST, HOST_TO_GUEST } from '../../src/kvp/pool-file.ts';
import { parseLine } from '../../src/protocol/frame.ts';
import type { HostEnd, ScriptedHost } from './scripted-host.ts';

/** Runs the host on pool files. Each line that it sends becomes records, written one at a time. */
export function listenOnPools(host: ScriptedHost, folder: string): { close(): Promise<void> } {
  const seen = new Set<string>();
  let pending = '';
  let lines = 0;
  const append = (key: string, value: string) =>
    appendFileSync(path.join(folder, HOST_TO_GUEST), encodeRecord({ key, value }));

  const end: HostEnd = {
    async send(bytes) {
      const whole = (pending + Buffer.from(bytes).toString('latin1')).split('\n');
      pending = whole.pop() ?? '';
      for (const line of whole.filter((one) => one !== '')) {
        const [, exchangeId] = /^avma\/\d+ [a-z]+ ([0-9a-f]{32}) /.exec(line) ?? [];
        if (exchangeId === undefined) {
          append(`noise.${++lines}`, line.slice(0, 900));
          continue;
        }
        for (const { key, value } of splitLine(exchangeId, line)) {
          append(key, value);
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
      }
    },
    hangUp() {},
  };

  const look = () => {
    for (const [exchangeId, line] of gatherLines(readPool(readFileSync(path.join(folder, GUEST_TO_HOST))))) {
      const parsed = parseLine(line);
      if (seen.has(exchangeId) || parsed.kind !== 'frame') continue;
      seen.add(exchangeId);
      void host.answer(parsed.frame, end, seen.size - 1);
    }
  };
  void host.greet?.(end);
  const timer = setInterval(look, 10);
  return { close: async () => clearInterval(timer) };
}
