import { Command } from 'commander';
import { AvmaError } from '../../../errors/avma-error.ts';
import { decodeState, emptyState, type GuestState } from '../../../guest/guest-state.ts';
import { loadTrust } from '../../../guest/trust/trust-reader.ts';
import { trustedTime } from '../../../guest/trusted-time.ts';
import { readClock, withinBounds } from '../../../machine/clock.ts';
import { findVmId } from '../../../machine/vm-id.ts';
import { parseJson } from '../../../protocol/envelope.ts';
import { LicenseEvidence } from '../../../protocol/evidence.ts';
import { ANSWER_IS_NO, type Context } from '../context.ts';
import { readInput } from '../input.ts';
import { say, writeData, writeJson } from '../output.ts';
import { formatFields } from '../table.ts';
import { type InspectedLease, inspectLease, leaseFields, leaseJson } from './lease-report.ts';

/** `avma lease`. */
export function leaseCommand(context: Context): Command {
  const lease = new Command('lease').description('Inspect leases');
  lease
    .command('inspect')
    .description('Show what a lease says and whether it holds on this machine now')
    .argument(
      '<file>',
      "a guest's state file (guest.state), or the evidence of one lease as JSON; - for stdin",
    )
    .option('--json', 'print the leases as JSON')
    .addHelpText(
      'after',
      `
Exit status: 0 when every lease in the file holds on this machine now, ${ANSWER_IS_NO} when one does not or
the file has none.

Example:
  avma lease inspect /var/lib/avma/guest.state`,
    )
    .action((file: string, { json }: { json?: boolean }) => inspect(context, file, json === true));
  return lease;
}

function inspect(context: Context, file: string, json: boolean): void {
  const settings = context.settings();
  const vmId = findVmId(settings.vmId).value;
  const trust = loadTrust(settings);
  const { stored, mark } = readLeases(file);
  const clock = withinBounds(readClock());
  const leases = stored.map((evidence) =>
    inspectLease(evidence, { vmId, trust, now: (answer) => trustedTime(clock, mark, answer).now }),
  );
  if (json) writeJson('avma.lease-inspect/1', { file, vmId, leases: leases.map(leaseJson) });
  else showLeases(context, file, leases);
  if (leases.length === 0 || leases.some(({ verdict }) => !verdict.holds)) {
    context.setExitStatus(ANSWER_IS_NO);
  }
}

function showLeases({ style }: Context, file: string, leases: readonly InspectedLease[]): void {
  if (leases.length === 0) {
    say(`${file} holds no lease: no host has activated a product there.`);
    return;
  }
  writeData(leases.map((lease) => formatFields(leaseFields(lease), style)).join('\n\n'));
}

/**
 * The leases of the file, and the clock mark of the state that they come from.
 *
 * @throws {AvmaError} `file-invalid`, `state-damaged`, `state-newer`, and what reading the file throws.
 */
function readLeases(file: string): { stored: LicenseEvidence[]; mark: GuestState['clock'] } {
  const bytes = readInput(file);
  const alone = LicenseEvidence.safeParse(parseJson(bytes));
  if (alone.success) return { stored: [alone.data], mark: emptyState().clock };
  if (!bytes.subarray(0, 11).toString('latin1').startsWith('avma-state/')) {
    throw new AvmaError(
      'file-invalid',
      `${file} is neither a guest's state file nor the evidence of a lease`,
      {
        hint: 'Give the guest.state of a guest: avma guest status shows where it lies.',
      },
    );
  }
  const { products, clock } = decodeState(bytes, file);
  return { stored: Object.values(products).flatMap(({ activation }) => activation ?? []), mark: clock };
}
