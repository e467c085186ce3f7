import { formatHresult } from '../../errors/hresult.ts';
import type { GuestService } from '../../guest/guest-service.ts';
import type { LicenseState, LicenseStatus } from '../../guest/license-report.ts';
import { discoverPipe } from '../../pipe/discovery.ts';
import { systemEnvironment } from '../../pipe/environment.ts';
import type { Settings } from '../settings.ts';
import { formatInstant, formatRows, writeData, writeJson } from './output.ts';

/** `avma guest status`: the licence, what it was concluded from, and the way to its renewal. */
export async function showGuestStatus(
  service: GuestService,
  settings: Settings,
  json: boolean,
): Promise<void> {
  const products = (await service.products())
    .filter(({ partialProductKey }) => partialProductKey !== null)
    .map(({ activationId }) => describe(service, activationId))
    .filter((product) => product !== undefined);
  const discovery = discoverPipe(systemEnvironment());
  const pipe = {
    uri: settings.pipe ?? discovery.uri,
    from: settings.pipe !== undefined ? 'configured' : discovery.uri === null ? 'not found' : 'found',
    tried: settings.pipe !== undefined ? [] : discovery.candidates,
  };
  const trust = service.anchors.map(({ name, keyId, file }) => ({ name, keyId, file }));
  if (json) {
    writeJson('avma.guest-status/1', {
      vmId: service.vmId,
      products,
      pipe,
      trust,
      stateFile: service.stateFile,
    });
    return;
  }
  const rows: [string, string][] = [
    ['VM ID', `${service.vmId.value} (${service.vmId.source}: ${service.vmId.from})`],
  ];
  if (products.length === 0) rows.push(['Product', 'no key is installed: slmgr /ipk KEY']);
  for (const product of products) {
    rows.push(
      [
        'Product',
        `${product.name} (${product.edition} ${product.osVersion}, key *-${product.partialProductKey})`,
      ],
      ['License', licenseText(product.license)],
    );
    if (product.problem !== null) rows.push(['Why', `${product.problem.message} [${product.problem.code}]`]);
    if (product.lease !== null) {
      rows.push(
        [
          'Host',
          `${product.lease.hostName} (${product.lease.hardwareId}, ${product.lease.hostEdition} ${product.lease.hostOsVersion})`,
        ],
        [
          'Lease',
          `${formatInstant(product.lease.issuedAt)} to ${formatInstant(product.lease.expiresAt)}, renewed from ${formatInstant(product.lease.renewAfter)}`,
        ],
        ['Clock', product.lease.clock],
      );
    }
  }
  rows.push(['Pipe', pipe.uri === null ? 'none found; name one in AVMA_PIPE' : `${pipe.uri} (${pipe.from})`]);
  for (const candidate of pipe.tried) {
    rows.push(['', `${candidate.uri}: ${candidate.verdict}, ${candidate.reason}`]);
  }
  rows.push([
    'Trust',
    trust.map(({ name, keyId }) => `${name} (${keyId})`).join(', ') || 'nobody: avma guest trust add FILE',
  ]);
  rows.push(['State', service.stateFile]);
  writeData(formatRows(rows));
}

function describe(service: GuestService, activationId: string) {
  const product = service.catalog.productOfActivationId(activationId);
  const derived = service.derive(activationId);
  if (product === undefined || derived === undefined) return undefined;
  const { report, verdict, time } = derived;
  const { license } = report;
  return {
    name: product.name,
    edition: product.edition,
    osVersion: product.osVersion,
    channel: product.channel,
    activationId,
    partialProductKey: report.partialProductKey,
    license: {
      ...license,
      statusText: STATUS_NAMES[license.status],
      reason: license.reason === 0 ? null : formatHresult(license.reason),
    },
    problem:
      verdict?.kind === 'rejected' ? { code: verdict.error.code, message: verdict.error.message } : null,
    lease:
      verdict !== null && verdict.kind !== 'rejected'
        ? {
            hostName: verdict.verified.answer.hostName,
            hardwareId: verdict.verified.answer.hardwareId,
            hostEdition: verdict.verified.certificate.edition,
            hostOsVersion: verdict.verified.certificate.osVersion,
            issuedAt: verdict.verified.answer.issuedAt,
            renewAfter: verdict.verified.answer.renewAfter,
            expiresAt: verdict.verified.answer.expiresAt,
            clock: time.setBack ? 'set back: time stands still until it has caught up' : 'in step',
          }
        : null,
    trustedTime: report.trustedTime,
  };
}

const STATUS_NAMES: Record<LicenseStatus, string> = {
  0: 'unlicensed',
  1: 'licensed',
  2: 'initial grace',
  3: 'additional grace',
  4: 'non-genuine grace',
  5: 'notification',
  6: 'extended grace',
};

function licenseText(
  license: Omit<LicenseState, 'reason'> & { statusText: string; reason: string | null },
): string {
  const minutes = license.remainingMinutes === 0 ? '' : `, ${license.remainingMinutes} minutes left`;
  return `${license.statusText}${minutes}${license.reason === null ? '' : ` (${license.reason})`}`;
}
