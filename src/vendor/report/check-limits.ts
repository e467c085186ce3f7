import { counted } from '../../schema/counted.ts';
import { formatDay } from '../../schema/format-time.ts';
import type { Finding } from './finding.ts';
import type { Usage, UsageSeries } from './merge-usage.ts';

/** What was used beyond its license, as far as the licenses were given: too many guests, another product, too late. */
export function checkLimits({ series }: Usage): Finding[] {
  return series.flatMap((one) => [...checkGuests(one), ...checkTerms(one)]);
}

function checkGuests({ license, peak, daysOver }: UsageSeries): Finding[] {
  if (license === null || license.guests === null || peak === null || daysOver === 0) return [];
  const days = `on ${counted(daysOver, 'day')}`;
  return [
    note(
      'over-limit',
      `license ${license.licenseId} of "${license.customer}" is for ${counted(license.guests, 'guest')} at a time; ${days} there were more, ${peak.guests} at most, first on ${peak.date}`,
    ),
  ];
}

function checkTerms({ license, activationId, days }: UsageSeries): Finding[] {
  if (license === null) return [];
  const findings: Finding[] = [];
  const { licenseId, product, graceUntil } = license;
  if (product.activationId !== activationId) {
    findings.push(
      note(
        'license-product-mismatch',
        `license ${licenseId} is for "${product.name}", and was used for ${activationId}`,
      ),
    );
  }
  const last = days.findLast(({ approved }) => approved > 0)?.date;
  if (last !== undefined && last > formatDay(graceUntil)) {
    findings.push(
      note(
        'license-expired',
        `license ${licenseId} counts until ${formatDay(graceUntil)}, and was used until ${last}`,
      ),
    );
  }
  return findings;
}

function note(code: Finding['code'], message: string): Finding {
  return { severity: 'note', code, message, files: [] };
}
