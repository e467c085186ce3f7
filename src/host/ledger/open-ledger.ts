import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { AvmaError, toAvmaError } from '../../errors/avma-error.ts';
import type { Notify } from '../../system/notify.ts';
import { hasWorker } from '../../system/worker-bundle.ts';
import { BatchedLedger, type LedgerObserver } from './batched-ledger.ts';
import type { Ledger } from './ledger.ts';
import { defaultLedger } from './ledger-place.ts';
import type { LedgerReader } from './ledger-reader.ts';
import type { LedgerUri } from './ledger-uri.ts';
import { LEDGER_FILE } from './read-ledger.ts';

/** Whose ledger is opened. */
export interface LedgerOwner {
  /** The host's folder: a ledger of JSON Lines that lies there is taken over. */
  readonly folder: string;
  /** The host's hardware ID. */
  readonly host: string;
  /** The host's name, for a database that several hosts share. */
  readonly hostName?: string;
}

/** How a ledger is opened for a host that is going to write it. */
export interface OpenLedgerOptions extends LedgerOwner, LedgerObserver {
  /** Wall clock, milliseconds since 1970 UTC. */
  readonly now: () => number;
  readonly notify: Notify;
}

/**
 * Opens a ledger for the one host that writes it, and makes it where there is none.
 *
 * @throws {AvmaError} `file-invalid` for a damaged one, and for that of another host; `ledger-newer`,
 *   `argument-invalid`, `access-denied`, `disk-full`, `io-error`.
 */
export async function openLedger(uri: LedgerUri, options: OpenLedgerOptions): Promise<Ledger> {
  if (uri.engine === 'postgres') {
    const [{ openPostgresLedger }, { takeOverIntoPostgres }] = await Promise.all([
      import('./postgres/postgres-ledger.ts'),
      import('./postgres/take-over.ts'),
    ]);
    const { host, hostName = host, folder: _folder, ...rest } = options;
    return openPostgresLedger({
      ...rest,
      url: uri.url,
      host: { hardwareId: host, name: hostName },
      takeOver: (run, head) => takeOverIntoPostgres(run, head, options),
    });
  }
  const [{ loadSqlite }, { takeOverIfAny }] = await Promise.all([
    import('./sqlite/sqlite-file.ts'),
    import('./sqlite/take-over.ts'),
  ]);
  const { host, folder, now, notify } = options;
  const place = { file: uri.path, host, open: await loadSqlite() };
  await takeOverIfAny({ ...place, folder, now }, notify);
  if (hasWorker('ledger')) {
    const { openThreadedEngine } = await import('./threaded-engine.ts');
    const { engine, opened } = await openThreadedEngine(place, notify);
    return new BatchedLedger(engine, opened, { ...options, blocks: false });
  }
  const { SqliteEngine } = await import('./sqlite/sqlite-engine.ts');
  const engine = new SqliteEngine({ ...place, notify });
  const opened = { head: engine.head, answers: engine.answers() };
  return new BatchedLedger(engine, opened, { ...options, blocks: true });
}

/**
 * Opens a ledger to be read; a host may be writing it. A ledger of JSON Lines that no host has taken over yet is read
 * from a copy. A host that was never started has an empty one.
 *
 * @throws {AvmaError} As {@link openLedger}; `file-not-found` for a database that somebody named.
 */
export async function openLedgerReader(uri: LedgerUri, owner: LedgerOwner): Promise<LedgerReader> {
  if (uri.engine === 'postgres') {
    const { openPostgresReader } = await import('./postgres/postgres-reader.ts');
    return openPostgresReader(uri.url, owner.host);
  }
  const [{ loadSqlite }, { openSqliteReader }] = await Promise.all([
    import('./sqlite/sqlite-file.ts'),
    import('./sqlite/sqlite-reader.ts'),
  ]);
  const open = await loadSqlite();
  if (isThere(uri.path)) return openSqliteReader({ file: uri.path, open });
  const ofHost = defaultLedger(owner.folder);
  if (ofHost.engine !== 'sqlite' || ofHost.path !== uri.path) {
    throw new AvmaError('file-not-found', `there is no ledger in ${uri.path}`);
  }
  const { importInto } = await import('./sqlite/take-over.ts');
  const aside = fs.mkdtempSync(path.join(os.tmpdir(), 'avma-ledger-'));
  const closed = () => fs.rmSync(aside, { recursive: true, force: true });
  try {
    const file = path.join(aside, 'ledger.db');
    if (fs.existsSync(path.join(owner.folder, LEDGER_FILE))) {
      await importInto({ ...owner, file, open, now: null });
    } else {
      fs.closeSync(fs.openSync(file, 'wx', 0o600));
    }
    return openSqliteReader({ file, open, closed });
  } catch (thrown) {
    closed();
    throw thrown;
  }
}

/** Whether there is a file. @throws {AvmaError} `access-denied` where this user may not look. */
function isThere(file: string): boolean {
  try {
    return fs.statSync(file, { throwIfNoEntry: false }) !== undefined;
  } catch (thrown) {
    throw toAvmaError(thrown, `cannot read the ledger ${file}`);
  }
}
