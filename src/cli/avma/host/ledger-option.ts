import { Option } from 'commander';
import type { HostIdentity } from '../../../host/host-store.ts';
import { LEDGER_VARIABLE, ledgerOf } from '../../../host/ledger/ledger-place.ts';
import type { LedgerReader } from '../../../host/ledger/ledger-reader.ts';
import { type LedgerUri, parseLedgerUri } from '../../../host/ledger/ledger-uri.ts';
import type { Context } from '../context.ts';
import { readHostConfig } from './config.ts';

/** What {@link ledgerOption} gives. */
export interface LedgerFlag {
  readonly ledger?: LedgerUri | undefined;
}

/** `--ledger URI`, for each command that writes or reads a host's ledger. */
export function ledgerOption(): Option {
  return new Option(
    '--ledger <uri>',
    'where the ledger is: sqlite:PATH or postgres://USER@SERVER/DATABASE (default: where the host has it; AVMA_LEDGER)',
  ).argParser((text) => parseLedgerUri(text, false));
}

/**
 * Where the ledger of this machine's host is: what the option says, else AVMA_LEDGER, else the host's configuration,
 * else what the host said when it started last, else `ledger.db` in its folder.
 *
 * @throws {AvmaError} `argument-invalid`, `config-invalid`, `file-invalid`.
 */
export function ledgerPlace(context: Context, { ledger }: LedgerFlag): LedgerUri {
  if (ledger !== undefined) return ledger;
  const { hostFolder, hostConfigFolder } = context.settings();
  const named = process.env[LEDGER_VARIABLE] || readHostConfig(hostConfigFolder).ledger;
  return named === undefined ? ledgerOf(hostFolder) : parseLedgerUri(named, true);
}

/**
 * Opens the ledger to be read; it is loaded only now. Whoever opens it closes it.
 *
 * @throws {AvmaError} `argument-invalid`, and what opening it throws.
 */
export async function openLedgerOf(
  context: Context,
  host: Pick<HostIdentity, 'hardwareId'>,
  flag: LedgerFlag,
): Promise<LedgerReader> {
  const { openLedgerReader } = await import('../../../host/ledger/open-ledger.ts');
  const { hostFolder: folder } = context.settings();
  return openLedgerReader(ledgerPlace(context, flag), { folder, host: host.hardwareId });
}

/**
 * Does the work with a reader of the ledger.
 *
 * @throws {AvmaError} What opening and reading it throws.
 */
export async function withLedger<T>(
  context: Context,
  host: Pick<HostIdentity, 'hardwareId'>,
  flag: LedgerFlag,
  work: (reader: LedgerReader) => T | Promise<T>,
): Promise<T> {
  const reader = await openLedgerOf(context, host, flag);
  try {
    return await work(reader);
  } finally {
    await reader.close();
  }
}
