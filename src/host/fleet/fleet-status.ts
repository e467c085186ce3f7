import { counted, formatCount } from '../../schema/counted.ts';
import { type FleetHost, judgeHost, type LicenseSeats, rank, type Said } from './fleet-host.ts';

/** What was found and counts for nothing, and why. */
export interface LeftAside {
  readonly source: string;
  readonly why: string;
}

/** What is known of the hosts of a fleet. */
export interface Collected {
  readonly said: readonly Said[];
  readonly aside: readonly LeftAside[];
  /** Of the clock by which the hosts have reported, milliseconds since 1970 UTC. */
  readonly now: number;
  /** After how long without a report a host counts as silent, in milliseconds. */
  readonly silentMs: number;
}

/** The state of all hosts together. */
export interface FleetStatus {
  /** Those with the worst troubles first, then by name. */
  readonly hosts: readonly FleetHost[];
  /** Licenses over all hosts; those beyond their limit first. */
  readonly licenses: readonly (LicenseSeats & { readonly hosts: number })[];
  readonly totals: {
    readonly hosts: number;
    /** Hosts by their worst trouble. */
    readonly bad: number;
    readonly warned: number;
    readonly guests: number;
    readonly licensed: number;
    readonly present: number;
    readonly clones: number;
  };
  readonly aside: readonly LeftAside[];
}

/**
 * The state of a fleet from what its hosts have said. Of a host that has said several things the newest counts. Pure.
 */
export function fleetStatus({ said, aside, now, silentMs }: Collected): FleetStatus {
  const { newest, older } = newestOfEach(said);
  const version = mostCommon(newest.map((one) => one.version));
  const hosts = newest
    .map((one) => judgeHost(one, { now, silentMs, version }))
    .toSorted((a, b) => worst(a) - worst(b) || badness(b) - badness(a) || compare(a.name, b.name));
  const sum = (of: (guests: NonNullable<Said['guests']>) => number | null) =>
    hosts.reduce((total, { guests }) => total + (guests === null ? 0 : (of(guests) ?? 0)), 0);
  return {
    hosts,
    licenses: licensesOf(hosts),
    totals: {
      hosts: hosts.length,
      bad: hosts.filter((host) => worst(host) === 0).length,
      warned: hosts.filter((host) => worst(host) === 1).length,
      guests: sum(({ known }) => known),
      licensed: sum(({ licensed }) => licensed),
      present: sum(({ present }) => present),
      clones: sum(({ clones }) => clones),
    },
    aside: [...aside, ...older].toSorted((a, b) => compare(a.source, b.source)),
  };
}

/** What is wrong, in a few words each, and what was left aside; empty where all is well. Pure. */
export function whatIsWrong({ totals, licenses, aside }: FleetStatus): string[] {
  const over = licenses.filter(({ taken, limit }) => limit !== null && taken > limit).length;
  const [first] = aside;
  return [
    ...(totals.bad === 0 ? [] : [`${counted(totals.bad, 'host')} in trouble`]),
    ...(totals.warned === 0 ? [] : [`${counted(totals.warned, 'host')} with warnings`]),
    ...(over === 0 ? [] : [`${counted(over, 'license')} with more seats taken than allowed`]),
    ...(first === undefined
      ? []
      : [
          aside.length === 1
            ? `${first.source} was left aside`
            : `${first.source} and ${formatCount(aside.length - 1)} more were left aside`,
        ]),
  ];
}

function newestOfEach(said: readonly Said[]): { newest: Said[]; older: LeftAside[] } {
  const byHost = new Map<string, Said>();
  const older: LeftAside[] = [];
  for (const one of said.toSorted((a, b) => b.reportedAt - a.reportedAt)) {
    const known = byHost.get(one.hardwareId);
    if (known === undefined) byHost.set(one.hardwareId, one);
    else if (known.name === one.name) older.push({ source: one.source, why: `${known.source} is newer` });
    else
      older.push({ source: one.source, why: `its hardware ID is that of ${known.name} (${known.source})` });
  }
  return { newest: [...byHost.values()], older };
}

/** The version of most hosts; of several the highest. */
function mostCommon(versions: readonly (string | null)[]): string | null {
  const counts = new Map<string, number>();
  for (const version of versions) if (version !== null) counts.set(version, (counts.get(version) ?? 0) + 1);
  const inOrder = [...counts].toSorted(
    ([a, m], [b, n]) => n - m || b.localeCompare(a, 'en', { numeric: true }),
  );
  return inOrder[0]?.[0] ?? null;
}

function licensesOf(hosts: readonly FleetHost[]): FleetStatus['licenses'] {
  const found = new Map<string, LicenseSeats & { readonly hosts: number }>();
  for (const one of hosts.flatMap(({ seats }) => seats)) {
    const before = found.get(one.licenseId);
    const taken = one.taken + (before?.taken ?? 0);
    found.set(one.licenseId, { ...one, taken, hosts: (before?.hosts ?? 0) + 1 });
  }
  const over = ({ taken, limit }: LicenseSeats) => (limit === null ? 0 : taken - limit);
  return [...found.values()].toSorted((a, b) => over(b) - over(a) || compare(a.licenseId, b.licenseId));
}

/** 0: something bad, 1: a warning, 2: nothing. */
function worst({ troubles: [first] }: FleetHost): number {
  return first === undefined ? 2 : rank(first);
}

function badness({ troubles }: FleetHost): number {
  return troubles.filter(({ severity }) => severity === 'bad').length;
}

function compare(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true });
}
