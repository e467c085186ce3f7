import { checkChain } from './check-chain.ts';
import { checkLimits } from './check-limits.ts';
import type { Finding } from './finding.ts';
import { mergeUsage, type Usage } from './merge-usage.ts';
import { type InputFile, type ReadReport, readReports, type UnreadableFile } from './read-reports.ts';
import { trustedRoots } from './trusted-roots.ts';

/** Reports, what they say together, and what is wrong with them. */
export interface CheckedReports {
  /** The reports whose signatures hold, or all where they were not checked. */
  readonly reports: readonly ReadReport[];
  readonly usage: Usage;
  readonly findings: readonly Finding[];
  /** The findings that are about one file: it is not among the reports. */
  readonly unreadable: readonly UnreadableFile[];
  /** No finding is bad, and there is a report. */
  readonly holds: boolean;
  /** The vendor's name; null: signatures were not checked. */
  readonly verifiedBy: string | null;
}

/**
 * Checks reports: each signature, each chain, and the use against the licenses among the files.
 *
 * @param trust - Trust anchors and trust updates of the vendor; null: signatures are not checked.
 * @throws {AvmaError} what {@link trustedRoots} throws.
 */
export function checkReports(
  files: readonly InputFile[],
  trust: { readonly anchors: readonly InputFile[]; readonly updates: readonly InputFile[] } | null,
): CheckedReports {
  const roots = trust === null ? null : trustedRoots(trust.anchors, trust.updates);
  const { reports, licenses, findings: unreadable } = readReports(files, roots);
  const usage = mergeUsage(reports, licenses);
  const findings = [
    ...unreadable,
    ...usage.hosts.flatMap(checkChain),
    ...checkLimits(usage),
    ...checkSiteKeys(usage),
  ];
  return {
    ...{ reports, usage, findings, unreadable },
    holds: reports.length > 0 && findings.every(({ severity }) => severity === 'note'),
    verifiedBy: roots?.[0]?.name ?? null,
  };
}

function checkSiteKeys({ hosts, siteKeyIds }: Usage): Finding[] {
  if (siteKeyIds.length < 2 || hosts.length < 2) return [];
  const message = `the reports have ${siteKeyIds.length} site keys: a guest that moved between hosts with different ones counts once on each. On the hosts, avma host site-key shares one`;
  return [{ severity: 'note', code: 'several-site-keys', message, files: [] }];
}
