import * as z from 'zod/mini';
import { AvmaError } from '../../errors/avma-error.ts';
import { anyText, hex8, integer, isoTime, uuid } from '../../schema/shapes.ts';
import { normalizeUuid } from '../../schema/uuid.ts';
import type { ControlHandlers } from '../control/control-server.ts';
import type { HeldLicense } from '../holdings/holdings.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Seats } from '../seats.ts';
import type { RunningPresence } from './open-presence.ts';
import { vmKey } from './vm-key.ts';

const count = integer(0, Number.MAX_SAFE_INTEGER);

/** A seat that is taken: whose, where the VM is, and until when the lease lasts. */
const ReportedSeat = z.strictObject({
  vmId: uuid,
  channel: anyText,
  domain: z.nullable(anyText),
  since: isoTime,
  lastSeen: isoTime,
  until: isoTime,
});

/** Who is present on a running host, and the seats of its licenses: as its control socket says it. */
export const SeatsReport = z.strictObject({
  at: isoTime,
  /** How many VMs are present, licensed or not. */
  present: count,
  licenses: z.array(
    z.strictObject({
      licenseId: hex8,
      customer: anyText,
      product: anyText,
      /** How many guests it is for; null: no limit. */
      guests: z.nullable(count),
      /** How many seats are taken, on other hosts of one ledger too. */
      taken: count,
      /** Those on this host. */
      seats: z.array(ReportedSeat),
    }),
  ),
});
export type SeatsReport = z.infer<typeof SeatsReport>;

/** What a running host's seats are read from. */
export interface SeatsSource {
  readonly running: RunningPresence;
  /** With those of other hosts, where the ledger has several. */
  readonly seats: Pick<Seats, 'guestsOf'>;
  licenses(): readonly HeldLicense[];
  /** The host's clock, milliseconds since 1970 UTC. */
  now(): number;
}

/** What a running host answers about its seats over the control socket. */
export function seatHandlers(
  source: SeatsSource & { readonly ledger: Pick<Ledger, 'mark'> },
): ControlHandlers {
  return { seats: () => seatsReport(source), release: (args) => releaseVm(args, source) };
}

/** The seats as they are now, the licenses in their order, the seats by VM ID. */
function seatsReport({ running, seats, licenses, now }: SeatsSource): SeatsReport {
  const at = now();
  const taken = [...running.seats.taken(at)].sort((a, b) => (a.vmId < b.vmId ? -1 : 1));
  const iso = (time: number) => new Date(time).toISOString();
  return {
    at: iso(at),
    present: running.presence.size,
    licenses: licenses().map(({ license: { licenseId, customer, product, guests } }) => ({
      ...{ licenseId, customer, product: product.name, guests },
      taken: seats.guestsOf(licenseId, at),
      seats: taken
        .filter((seat) => seat.licenseId === licenseId)
        .flatMap(({ vmId, until }) => {
          const [place] = running.presence.placesOf(vmId);
          if (place === undefined) return [];
          const { channel, domain, since, seenAt } = place;
          return [{ vmId, channel, domain, since: iso(since), lastSeen: iso(seenAt), until: iso(until) }];
        }),
    })),
  };
}

/** What `release` is asked with: a VM ID, or the name of a domain that is present. */
const ReleaseArguments = z.strictObject({ vm: anyText });

/** What a release has done. */
export const ReleaseReport = z.strictObject({ vmId: uuid, released: z.boolean() });
export type ReleaseReport = z.infer<typeof ReleaseReport>;

/**
 * Frees the seats of a VM and marks it in the ledger. The mark comes first: a seat that was freed must not be taken
 * again by a host that starts anew.
 *
 * @throws {AvmaError} `argument-invalid` for what names no VM; what the ledger throws.
 */
async function releaseVm(
  args: object,
  { running, ledger, now }: Pick<SeatsSource, 'running' | 'now'> & { readonly ledger: Pick<Ledger, 'mark'> },
): Promise<ReleaseReport> {
  const { vm = '' } = ReleaseArguments.safeParse(args).data ?? {};
  const vmId = normalizeUuid(vm) ?? vmOfDomain(running, vm);
  if (vmId === undefined) {
    throw new AvmaError('argument-invalid', `"${vm}" is neither a VM ID nor a domain that is present here`, {
      hint: 'avma host seats lists the VMs that hold a seat.',
    });
  }
  const approved = running.seats.approvedAs(vmId);
  if (approved === undefined && !running.presence.has(vmId)) return { vmId, released: false };
  await ledger.mark({ time: now(), mark: 'released', vmId: approved ?? vmId });
  return { vmId, released: running.release(vmId) };
}

function vmOfDomain({ presence }: RunningPresence, name: string): string | undefined {
  const found = new Map<string, string>();
  for (const { vmId, places } of presence.all()) {
    if (places.some(({ domain }) => domain === name)) found.set(vmKey(vmId), vmId);
  }
  const [only] = found.values();
  return found.size === 1 ? only : undefined;
}
