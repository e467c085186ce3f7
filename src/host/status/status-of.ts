import { certificateJson } from '../../protocol/document-json.ts';
import { MINUTE_MS } from '../../schema/durations.ts';
import { isoInstant } from '../../schema/format-time.ts';
import { ANY_CERTIFICATE, chooseCertificate } from '../answering/choose-certificate.ts';
import type { HostHoldings } from '../holdings/holdings.ts';
import { subjectsOf } from '../holdings/subjects.ts';
import type { Serving } from '../serving-record.ts';
import { endedAside } from './ended-aside.ts';
import type { GuestTally } from './guest-tally.ts';
import { heldCertificateJson, heldLicenseJson, hostVendorJson } from './held-documents.ts';
import type { HostStatus } from './host-status.ts';
import { type HostValidity, hostValidityOf, isActivated } from './host-validity.ts';

/** All that a status is made from, as it was at one moment. Times are milliseconds since 1970 UTC. */
export interface HostSnapshot {
  readonly now: number;
  readonly from: HostStatus['from'];
  readonly version: string;
  readonly folder: string;
  readonly holdings: HostHoldings;
  readonly problems: readonly string[];
  /** Besides those about certificates, licenses and endpoints. */
  readonly warnings: readonly string[];
  readonly serving: Serving;
  readonly ledger: HostStatus['ledger'];
  readonly channels: HostStatus['channels'];
  /** Null where the ledger cannot be read. */
  readonly tally: GuestTally | null;
  /** How many VMs are present; null where no host runs. */
  readonly present: number | null;
  /** The seats of a license that are taken; null where no host runs. */
  readonly seatsOf: ((licenseId: string) => number) | null;
  readonly decisions: HostStatus['decisions'];
  readonly lastError: HostStatus['lastError'];
  readonly lastReport: HostStatus['lastReport'];
}

/** The status of a host. Pure. */
export function hostStatusOf(snapshot: HostSnapshot): HostStatus {
  const { now, from, version, folder, holdings, problems, serving, ledger, tally } = snapshot;
  const { host, vendors } = holdings;
  const validity = hostValidityOf(holdings, now);
  const used = chooseCertificate(holdings, ANY_CERTIFICATE, now);
  const status = {
    at: isoInstant(now),
    ...{ version, from, folder },
    name: host.name,
    hardwareId: host.hardwareId,
    state: validity.state,
    serving: servingOf(serving),
    certificate: used === undefined ? null : certificateJson(used.certificate),
    remainingMinutes: validity.remainingMs === null ? null : Math.floor(validity.remainingMs / MINUTE_MS),
    certificates: certificatesOf(holdings, now),
    licenses: licensesOf(snapshot),
    vendors: vendors.map(hostVendorJson),
    newKeys: holdings.keys.length > 1 && awaitsCertificate(holdings),
    ledger,
    channels: snapshot.channels,
    guests: tally && { ...tally.counts, present: snapshot.present },
    decisions: snapshot.decisions,
    lastError: snapshot.lastError,
    lastReport: snapshot.lastReport,
    warnings: [...validity.warnings, ...endpointWarnings(snapshot), ...snapshot.warnings],
    problems,
    nextSteps: nextSteps(validity, serving),
  };
  // What the vendors' documents hold has been checked when they were read.
  return status as unknown as HostStatus;
}

function certificatesOf(holdings: HostHoldings, now: number): object[] {
  const subjects = subjectsOf(holdings, now).filter(({ kind }) => kind === 'certificate');
  const { shown } = endedAside(
    holdings.certificates,
    subjects,
    ({ certificate }) => ({ id: certificate.serial, validity: certificate }),
    now,
  );
  return holdings.certificates.map((held) => ({
    ...heldCertificateJson(held, holdings, now),
    aside: !shown.includes(held),
  }));
}

function licensesOf({ holdings, tally, seatsOf, now }: HostSnapshot): object[] {
  const subjects = subjectsOf(holdings, now).filter(({ kind }) => kind === 'license');
  const { shown } = endedAside(
    holdings.licenses,
    subjects,
    ({ license }) => ({ id: license.licenseId, validity: license }),
    now,
  );
  return holdings.licenses.map((held) => {
    const { licenseId } = held.license;
    const used = tally?.licenses.get(licenseId) ?? 0;
    return {
      ...heldLicenseJson(held, holdings, { used, now }),
      aside: !shown.includes(held),
      seats: seatsOf === null ? null : seatsOf(licenseId),
    };
  });
}

/** That a running host serves nothing. */
function endpointWarnings({ channels }: HostSnapshot): readonly string[] {
  if (channels === null || channels.named + channels.domains > 0) return [];
  return ['no endpoint is served, so no guest can ask: the log says which domains are not served, and why'];
}

/** Whether the newest keys have no certificate. */
function awaitsCertificate({ keys, certificates }: HostHoldings): boolean {
  return !certificates.some((held) => held.keys === keys.at(-1));
}

/** What to do now, about certificates and licenses, and about a host that does not run. */
function nextSteps(validity: HostValidity, { state }: Serving): readonly string[] {
  return isActivated(validity) && state === 'not running'
    ? [...validity.nextSteps, 'Start it: avma host serve --listen unix:/run/avma/host.sock']
    : validity.nextSteps;
}

function servingOf(serving: Serving): HostStatus['serving'] {
  const record = serving.state === 'running' ? serving.record : null;
  return {
    state: serving.state,
    since: record === null ? null : isoInstant(record.startedAt),
    pid: record?.pid ?? null,
    endpoints: [...(record?.endpoints ?? [])],
  };
}
