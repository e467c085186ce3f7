import type { Usage, UsageSeries } from './merge-usage.ts';

const HEADINGS = [
  ...['date', 'product', 'activation_id', 'license_id', 'customer', 'guest_limit', 'peak_guests'],
  ...[
    'distinct_guests',
    'approved',
    'attested',
    'refused',
    'refusals',
    'approved_over_limit',
    'approved_in_grace',
  ],
];

/** Excel takes a file for UTF-8 only if it begins with this. */
const BYTE_ORDER_MARK = '\uFEFF';

/**
 * A row for each day of each product and license, as RFC 4180 says. No cell is a formula, and IDs begin with `0x`, so
 * that no spreadsheet takes one for a number and rounds it.
 */
export function usageCsv({ series }: Usage): string {
  const rows = series.flatMap((one) => rowsOf(one));
  return BYTE_ORDER_MARK + [HEADINGS, ...rows].map((row) => `${row.map(cell).join(',')}\r\n`).join('');
}

function rowsOf({ product, activationId, licenseId, license, days }: UsageSeries): (string | number)[][] {
  return days.map((day) => [
    day.date,
    product ?? '',
    activationId ?? '',
    licenseId === null ? '' : `0x${licenseId}`,
    license?.customer ?? '',
    license?.guests ?? '',
    day.peakGuests,
    day.distinctGuests,
    day.approved,
    day.attested,
    day.refused.reduce((sum, { count }) => sum + count, 0),
    day.refused.map(({ code, count }) => `${code}: ${count}`).join('; '),
    day.overLimit,
    day.inGrace,
  ]);
}

/** What spreadsheets take for the beginning of a formula; a product or a customer may be called so. */
const FORMULA = /^[\s]*[=+\-@\t\r|%]/;

function cell(value: string | number): string {
  if (typeof value === 'number') return String(value);
  const safe = FORMULA.test(value) ? `'${value}` : value;
  return /[",\r\n;]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
