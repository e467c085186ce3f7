import type { AvmaErrorCode } from '../../src/errors/codes.ts';
import { encode, garbage, lineOf, NEXT, OURS, STALE } from './frames.ts';
import type { ScriptedHost } from './scripted-host.ts';

/** What the guest meets, and what it gets of it: a line, or an error's code. */
export interface Situation {
  readonly host: ScriptedHost;
  /** The exchanges that the guest makes one after the other on the same pipe. */
  readonly exchanges: readonly SituatedExchange[];
}

interface SituatedExchange {
  readonly id: string;
  /** The line or the code that it comes to. */
  readonly expect: string;
  readonly code?: AvmaErrorCode;
  /** When the guest gives up: as soon as the host has the frame, or after some milliseconds; otherwise never. */
  readonly givesUp?: 'when the host has it' | number;
}

const silent: ScriptedHost = { answer: async () => {} };
const answered = (id: string) => ({ id, expect: lineOf('response', id) });
const failing = (code: AvmaErrorCode, givesUp?: SituatedExchange['givesUp']) => ({
  ...{ id: OURS, expect: code, code },
  ...(givesUp !== undefined && { givesUp }),
});

export const SITUATIONS = {
  'a whole exchange': {
    host: { answer: (frame, end) => end.send(encode('response', frame.exchangeId)) },
    exchanges: [answered(OURS)],
  },
  'two exchanges on one pipe': {
    host: { answer: (frame, end) => end.send(encode('response', frame.exchangeId)) },
    exchanges: [answered(OURS), answered(NEXT)],
  },
  'an answer that comes one byte at a time': {
    host: {
      async answer(frame, end) {
        for (const byte of encode('response', frame.exchangeId)) await end.send(Uint8Array.of(byte));
      },
    },
    exchanges: [answered(OURS)],
  },
  'another answer before and after, in one piece with it': {
    host: {
      answer: (frame, end) =>
        end.send(
          Buffer.concat([
            encode('response', STALE),
            encode('response', frame.exchangeId),
            encode('response', STALE),
          ]),
        ),
    },
    exchanges: [answered(OURS)],
  },
  'half a frame first': {
    host: {
      async answer(frame, end) {
        await end.send(encode('response', STALE).subarray(0, 200));
        await end.send(encode('response', frame.exchangeId));
      },
    },
    exchanges: [answered(OURS)],
  },
  'the late answer to an exchange that was given up': {
    host: {
      async answer(frame, end, nth) {
        if (nth === 0) return;
        await end.send(encode('response', OURS));
        await end.send(encode('response', frame.exchangeId));
      },
    },
    exchanges: [failing('host-silent', 'when the host has it'), answered(NEXT)],
  },
  'an answer to somebody else, there before the request': {
    host: {
      greet: (end) => end.send(encode('response', STALE)),
      answer: (frame, end) => end.send(encode('response', frame.exchangeId)),
    },
    exchanges: [answered(OURS)],
  },
  'garbage, there before the request': {
    host: {
      greet: (end) => end.send(garbage(3_000)),
      answer: (frame, end) => end.send(encode('response', frame.exchangeId)),
    },
    exchanges: [answered(OURS)],
  },
  'its own request back, then the answer': {
    host: {
      async answer(frame, end) {
        await end.send(encode('request', frame.exchangeId));
        await end.send(encode('response', frame.exchangeId));
      },
    },
    exchanges: [answered(OURS)],
  },
  'more than 64 KiB of garbage': {
    host: { answer: (_frame, end) => end.send(garbage(80_000)) },
    exchanges: [failing('response-malformed')],
  },
  'an answer of another version': {
    host: { answer: (frame, end) => end.send(Buffer.from(`\navma/2 response ${frame.exchangeId} AAAA\n`)) },
    exchanges: [failing('protocol-unsupported')],
  },
  'a host that says nothing until the deadline': {
    host: silent,
    exchanges: [failing('host-silent', 150)],
  },
  'a host that goes in the middle of its answer': {
    host: {
      async answer(frame, end) {
        await end.send(encode('response', frame.exchangeId).subarray(0, 500));
        end.hangUp();
      },
    },
    exchanges: [failing('host-gone')],
  },
  'a host that goes and comes back': {
    host: {
      async answer(frame, end, nth) {
        if (nth === 0) return end.hangUp();
        await end.send(encode('response', frame.exchangeId));
      },
    },
    exchanges: [failing('host-gone'), answered(NEXT)],
  },
} as const satisfies Record<string, Situation>;

export type SituationName = keyof typeof SITUATIONS;
