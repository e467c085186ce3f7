import { randomBytes } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { toAvmaError } from '../errors/avma-error.ts';
import { encodeFrame } from '../protocol/frame.ts';
import { verifyHostCertificate } from '../protocol/host-certificate.ts';
import { encodeJson, type Hello } from '../protocol/messages.ts';
import { pause } from '../system/pause.ts';
import { type Judgement, judgeAnswer, offerIn } from './judge-answer.ts';
import type { Outcome } from './load-figures.ts';
import { dealConnections, dealTurns, type LoadPlan, type Turn } from './load-plan.ts';
import { PlayerConnection } from './player-connection.ts';
import { type RequestSubject, type SealedRequest, sealRequest } from './sealed-request.ts';
import { type TurnSource, turnSource } from './turn-source.ts';

/** After how many milliseconds without a byte an exchange has failed: the guest's own deadline by default. */
const SILENCE_MS = 10_000;

/**
 * How long a player waits before it connects again, in milliseconds: a host that is gone is not asked in a tight
 * loop.
 */
const RECONNECT_MS = 100;

/** How many requests are sealed, or answers verified, before others have their turn. */
const BATCH = 64;

/** What a run takes besides its plan. */
export interface LoadTarget extends RequestSubject, Judgement {
  /** The sockets' paths; each guest keeps to one of them. */
  readonly sockets: readonly string[];
  /** Ends the run early: what was asked is counted. */
  readonly signal: AbortSignal;
  /** Called now and then. */
  progress(phase: LoadPhase, done: number, total: number): void;
}

/** What a run is doing. */
export type LoadPhase = 'sealing' | 'asking' | 'verifying';

/** What came of a run. */
export interface Played {
  readonly hostName: string;
  readonly outcomes: readonly Outcome[];
  /** From the first request to the last answer. */
  readonly seconds: number;
}

/** A turn and what becomes of it. */
interface PlayedTurn extends Turn {
  request: SealedRequest | null;
  line: Uint8Array | null;
  ms: number | null;
  code: string | null;
}

/** What the players of one run share. */
interface Run extends LoadTarget {
  readonly plan: LoadPlan;
  /** The host's X25519 key, from its certificate. */
  readonly boxKey: string;
  readonly startedAt: number;
  /** Guests that have asked who the host is. */
  readonly introduced: Set<number>;
  readonly count: { done: number; readonly total: number };
}

/**
 * Plays the guests of a plan over real sockets, with full cryptography: every answer is opened and verified
 * as a guest
 * does. Prepared, nothing but sending and receiving happens while the clock runs. Not prepared and at a rate,
 * each turn is
 * a guest's whole way: it connects, asks who the host is the first time, seals, asks, verifies, and hangs up.
 *
 * @throws {AvmaError} what connecting and the first `hello` throw; `certificate-untrusted` for a host of no
 * vendor that
 *   is trusted.
 */
export async function playGuests(plan: LoadPlan, target: LoadTarget): Promise<Played> {
  const { sockets, signal } = target;
  // Each player listens to it.
  setMaxListeners(0, signal);
  const { hostName, boxKey } = await firstIntroduction(target);
  const dealt: PlayedTurn[][] = dealTurns(plan, sockets.length).map((turns) =>
    turns.map((turn) => ({ ...turn, request: null, line: null, ms: null, code: null })),
  );
  const turns = dealt.flat();
  if (plan.prepared) await sealAll(turns, boxKey, target);
  const startedAt = performance.now();
  const count = { done: 0, total: turns.length };
  const run: Run = { ...target, plan, boxKey, startedAt, introduced: new Set(), count };
  const connections = dealConnections(plan.connections, sockets.length);
  await Promise.all(
    sockets.map((path, at) =>
      playSocket(run, path, turnSource(dealt[at] ?? [], startedAt, signal), connections[at] ?? 1),
    ),
  );
  const seconds = (performance.now() - startedAt) / 1000;
  await judgeAll(turns, target);
  return {
    hostName,
    outcomes: turns.flatMap(({ ms, code }) => (code === null ? [] : [{ ms, code }])),
    seconds,
  };
}

async function firstIntroduction(target: LoadTarget): ReturnType<typeof introduce> {
  const connection = await PlayerConnection.open(target.sockets[0] ?? '', SILENCE_MS);
  try {
    return await introduce(connection, target);
  } finally {
    connection.close();
  }
}

/** Who the host is, by `hello`, verified. */
async function introduce(
  connection: PlayerConnection,
  { anchors, trust }: Pick<LoadTarget, 'anchors' | 'trust'>,
): Promise<{ readonly hostName: string; readonly boxKey: string }> {
  const exchangeId = randomBytes(16).toString('hex');
  const hello: Hello = { anchors: [...anchors] };
  const line = await connection.exchange(encodeFrame({ type: 'hello', exchangeId, body: encodeJson(hello) }));
  return verifyHostCertificate(offerIn(line, exchangeId).certificate, trust).certificate;
}

async function sealAll(turns: readonly PlayedTurn[], boxKey: string, target: LoadTarget): Promise<void> {
  for (const [at, turn] of turns.entries()) {
    if (at % BATCH === 0) {
      target.progress('sealing', at, turns.length);
      await setImmediate();
      if (target.signal.aborted) return;
    }
    turn.request = sealRequest(target, turn.guest, boxKey, Date.now());
  }
}

async function judgeAll(turns: readonly PlayedTurn[], target: LoadTarget): Promise<void> {
  for (const [at, turn] of turns.entries()) {
    if (at % BATCH === 0) {
      target.progress('verifying', at, turns.length);
      await setImmediate();
    }
    if (turn.line !== null && turn.request !== null) turn.code = judgeAnswer(turn.request, turn.line, target);
    turn.request = null;
    turn.line = null;
  }
}

/** All players of one socket, until no turn is left. */
async function playSocket(
  run: Run,
  path: string,
  source: TurnSource<PlayedTurn>,
  connections: number,
): Promise<void> {
  const players = Array.from({ length: connections }, () => new Player(run, path));
  await Promise.all(
    players.flatMap((player) => Array.from({ length: run.plan.depth }, () => player.play(source))),
  );
  for (const player of players) player.hangUp();
}

/** Takes turns over a connection, which it opens anew when it has ended. */
class Player {
  readonly #run: Run;
  readonly #path: string;
  #connection: Promise<PlayerConnection> | null = null;

  constructor(run: Run, path: string) {
    this.#run = run;
    this.#path = path;
  }

  async play(source: TurnSource<PlayedTurn>): Promise<void> {
    const { plan, signal, count, progress } = this.#run;
    for (let turn = await source.next(); turn !== undefined; turn = await source.next()) {
      try {
        await this.#take(turn);
      } catch (thrown) {
        turn.code = toAvmaError(thrown, 'cannot ask the host').code;
        this.hangUp();
        await pause(RECONNECT_MS, signal);
      }
      if (!plan.prepared && plan.rate !== null) this.hangUp();
      count.done++;
      if (count.done % BATCH === 0) progress('asking', count.done, count.total);
    }
  }

  hangUp(): void {
    // A connection that could not be opened was reported to whoever waited for it.
    this.#connection?.then(
      (connection) => connection.close(),
      () => {},
    );
    this.#connection = null;
  }

  async #take(turn: PlayedTurn): Promise<void> {
    const { plan, boxKey, introduced, startedAt } = this.#run;
    const begun = turn.plannedMs === null ? performance.now() : startedAt + turn.plannedMs;
    this.#connection ??= PlayerConnection.open(this.#path, SILENCE_MS);
    const connection = await this.#connection;
    if (!plan.prepared && plan.rate !== null && !introduced.has(turn.guest)) {
      introduced.add(turn.guest);
      await introduce(connection, this.#run);
    }
    turn.request ??= sealRequest(this.#run, turn.guest, boxKey, Date.now());
    turn.line = await connection.exchange(turn.request.frame);
    turn.ms = performance.now() - begun;
    if (plan.prepared) return;
    turn.code = judgeAnswer(turn.request, turn.line, this.#run);
    turn.request = null;
    turn.line = null;
  }
}
