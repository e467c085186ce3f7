import { AvmaError } from '../../../errors/avma-error.ts';
import type { GuestRow, LedgerReader } from '../../../host/ledger/ledger-reader.ts';
import { guestRows } from '../../../host/status/guest-tally.ts';
import type { PresentGuest } from '../../../host/status/status-handlers.ts';
import { UUID_PATTERN } from '../../../schema/shapes.ts';

/** How many VMs a message names. */
const MAX_NAMED = 5;

/**
 * The rows of the one guest that somebody means: by its VM ID, by how that begins, by the name of its domain, or by
 * what the machine calls itself.
 *
 * @throws {AvmaError} `argument-invalid` for none and for several.
 */
export async function findGuest(
  reader: Pick<LedgerReader, 'guests'>,
  present: ReadonlyMap<string, PresentGuest> | null,
  typed: string,
): Promise<readonly GuestRow[]> {
  const text = typed.toLowerCase();
  if (UUID_PATTERN.test(text)) return known(await reader.guests({ vmId: text }), typed);
  const byId: GuestRow[] = [];
  const byName: GuestRow[] = [];
  for await (const row of guestRows(reader)) {
    if (row.vmId.startsWith(text)) byId.push(row);
    const domains = present?.get(row.vmId)?.places.map(({ domain }) => domain) ?? [];
    if ([row.domain, row.machineName, ...domains].includes(typed)) byName.push(row);
  }
  // A domain that is called like the beginning of a VM ID is meant by its name.
  const found = byName.length > 0 ? byName : byId;
  const ids = [...new Set(found.map(({ vmId }) => vmId))];
  if (ids.length > 1) {
    const more = ids.length > MAX_NAMED ? ` and ${ids.length - MAX_NAMED} more` : '';
    throw new AvmaError('argument-invalid', `"${typed}" fits several guests`, {
      hint: `Give more of the VM ID: ${ids.slice(0, MAX_NAMED).join(', ')}${more}.`,
    });
  }
  return known(found, typed);
}

function known(rows: readonly GuestRow[], typed: string): readonly GuestRow[] {
  if (rows.length > 0) return rows;
  throw new AvmaError('argument-invalid', `this host knows no guest "${typed}"`, {
    hint: 'avma host guests lists them all.',
  });
}
