import { setTimeout as pause } from 'node:timers/promises';
import { AvmaError } from '../../src/errors/avma-error.ts';
import { loadTrustAnchors } from '../../src/guest/trust/trust-store.ts';
import { openHost } from '../../src/host/host-store.ts';
import { checkpointKey } from '../../src/host/ledger/checkpoint.ts';
import { openLedgerReader } from '../../src/host/ledger/open-ledger.ts';
import { verifyLedger } from '../../src/host/ledger/verify-ledger.ts';
import { judgeAnswer } from '../../src/load/judge-answer.ts';
import { PlayerConnection } from '../../src/load/player-connection.ts';
import { sealRequest } from '../../src/load/sealed-request.ts';
import { vendorsOfAnchors } from '../../src/protocol/vendor-trust.ts';
import type { TestMachine } from '../cli/test-machine.ts';
import { deferred } from './deferred.ts';
import { HANG_MS } from './hang.ts';

/** Windows Server 2025 Standard. */
const PRODUCT = {
  activationId: 'b2261b65-b18f-5314-9fa2-8ad8aba364cd',
  edition: 'ServerStandard',
  version: '10.0.26100',
};

/** How many virtual machines there are. */
const GUESTS = 500;

/** How many guests ask at the same time. */
const PLAYERS = 8;

/** After how many kills the ledger is checked. Rarely: a reader that is the last to leave tidies a database up. */
const CHECK_EVERY = 50;

/** The longest that a host lives after its first answer, in milliseconds. */
const LONGEST_LIFE_MS = 150;

/** What a torture has come to. */
export interface Tortured {
  /** How often the host was killed while it answered. */
  readonly kills: number;
  /** Approvals that guests hold. */
  readonly held: number;
  /** Those of them that are not in the ledger. */
  readonly missing: readonly string[];
  /** What a check of the ledger finds. */
  readonly problems: readonly unknown[];
}

/**
 * Has a machine's host serve, and kills it while guests ask, again and again. Each start has to succeed by itself.
 *
 * @param rounds - How often.
 * @param onRound - Hears after each check how often the host was killed, and how many approvals were all in the ledger.
 */
export async function torture(
  machine: TestMachine,
  rounds: number,
  onRound: (round: number, held: number) => void = () => {},
): Promise<Tortured> {
  let held: string[] = [];
  let found: Pick<Tortured, 'held' | 'missing' | 'problems'> = { held: 0, missing: [], problems: [] };
  const check = async () => {
    const { missing, problems } = await inLedger(machine, held);
    found = { held: found.held + held.length, missing: [...found.missing, ...missing], problems };
    held = [];
  };
  for (let round = 1; round <= rounds; round++) {
    const host = await machine.serve(['--throttle', '9999999/1']);
    const guests = playUntilGone(machine, held);
    await guests.first;
    await pause(Math.random() * LONGEST_LIFE_MS);
    await host.stop('SIGKILL');
    await guests.done;
    if (round % CHECK_EVERY === 0) {
      await check();
      if (found.missing.length + found.problems.length > 0) return { kills: round, ...found };
      onRound(round, found.held);
    }
  }
  // It starts once more, and stops as it should.
  const last = await machine.serve();
  if ((await last.stop()) !== 0) throw new Error(`the host did not stop: ${last.output()}`);
  await check();
  return { kills: rounds, ...found };
}

/** Guests that ask until the host is gone. `first` resolves with the first approval that one of them holds. */
function playUntilGone(
  machine: TestMachine,
  held: string[],
): { readonly first: Promise<void>; readonly done: Promise<unknown> } {
  const first = deferred<void>();
  const note = (exchangeId: string) => {
    held.push(exchangeId);
    first.resolve();
  };
  const done = Promise.all(Array.from({ length: PLAYERS }, () => playOne(machine, note)));
  return { first: Promise.race([first.promise, done.then(() => {})]), done };
}

async function playOne(machine: TestMachine, note: (exchangeId: string) => void): Promise<void> {
  const trust = vendorsOfAnchors(loadTrustAnchors([machine.at('guest/trust.d')]));
  const { box } = openHost(machine.at('host'));
  const theirs = Buffer.from(box.publicKey).toString('base64url');
  const subject = { product: PRODUCT, anchors: [], seed: 'torture' };
  try {
    const connection = await PlayerConnection.open(machine.at('h.sock'), HANG_MS);
    for (let nth = 0; ; nth++) {
      const request = sealRequest(subject, nth % GUESTS, theirs, Date.now());
      const line = await connection.exchange(request.frame);
      const code = judgeAnswer(request, line, { trust, productVendor: null, windows: true });
      if (code !== 'success') throw new TypeError(`a guest was not approved: ${code}`);
      note(request.asked.request.exchangeId);
    }
  } catch (thrown) {
    // The host was killed.
    if (!(thrown instanceof AvmaError)) throw thrown;
  }
}

/** What of the approvals is in the ledger, and what is wrong with it. */
async function inLedger(
  machine: TestMachine,
  held: readonly string[],
): Promise<Pick<Tortured, 'missing' | 'problems'>> {
  const folder = machine.at('host');
  const host = openHost(folder);
  const uri = { engine: 'sqlite', path: machine.at('host/ledger.db') } as const;
  const reader = await openLedgerReader(uri, { folder, host: host.hardwareId });
  try {
    const missing = new Set(held);
    for await (const { text } of reader.rows()) {
      const { exchangeId, decision } = JSON.parse(text);
      if (decision === 'approved') missing.delete(exchangeId);
    }
    const notes = await reader.checkpoints();
    const whole = { begin: 1, isPart: false, isNumbered: true, mayEndEarly: false, folds: [] };
    const ledger = { ...whole, checkpoints: notes.map(({ note }) => note), rows: () => reader.rows() };
    const { problems } = await verifyLedger(ledger, {
      hardwareId: host.hardwareId,
      keys: [checkpointKey(host.hardwareId, host.signing.publicKey)],
    });
    return { missing: [...missing], problems };
  } finally {
    await reader.close();
  }
}
