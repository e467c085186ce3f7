import { formatCount } from '../../schema/counted.ts';
import type { HostHoldings } from '../holdings/holdings.ts';
import { checkpointKey, claimedRecord, readCheckpoint } from '../ledger/checkpoint.ts';
import { storedNotes } from '../ledger/checkpoint-file.ts';

/**
 * That the last records of a ledger are missing, as far as the checkpoints in the host's folder show it at a glance:
 * one of them names a later record than the ledger's last. Only `avma host ledger verify` compares them all.
 *
 * @param records - The number of the ledger's last record.
 * @throws {AvmaError} `access-denied`.
 */
export function missingRecords(
  folder: string,
  { host: { hardwareId }, keys }: Pick<HostHoldings, 'host' | 'keys'>,
  records: number,
): readonly string[] {
  const known = keys.map(({ signing }) => checkpointKey(hardwareId, signing.publicKey));
  const last = storedNotes(folder)
    // Signatures take their time: only of those that matter.
    .filter((note) => claimedRecord(note) > records)
    .map((note) => readCheckpoint(note, known))
    .flatMap((read) =>
      read.kind === 'signed' && read.claim.hardwareId === hardwareId ? [read.claim.seq] : [],
    )
    .reduce((a, b) => Math.max(a, b), 0);
  if (last <= records) return [];
  const missing = last - records === 1 ? 'record' : `${formatCount(last - records)} records`;
  const are = last - records === 1 ? 'is' : 'are';
  return [
    `the last ${missing} of the ledger ${are} missing, or more: it ends with record ${formatCount(records)}, and this host signed a checkpoint of record ${formatCount(last)}. avma host ledger verify says more`,
  ];
}
