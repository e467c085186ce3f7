import { counted, formatCount } from '../../schema/counted.ts';
import { formatDay, formatMinute } from '../../schema/format-time.ts';
import type { HostReports } from './check-chain.ts';
import type { Finding } from './finding.ts';
import { type Html, html } from './html-text.ts';
import type { SeriesDay, Usage, UsageSeries, UsedGuest } from './merge-usage.ts';
import { answersPlot, columnsOf, guestsPlot } from './usage-plots.ts';
import { USAGE_STYLE } from './usage-style.ts';

/** The most guests and incidents that the page lists: a browser is to open it at once. */
const MAX_ROWS = 500;

/** The most days of a table, the last ones: three years. */
const MAX_DAYS = 1100;

/** The most products and licenses that it shows. */
const MAX_CARDS = 60;

/** What the page shows besides the usage itself. */
export interface UsagePage {
  readonly usage: Usage;
  readonly findings: readonly Finding[];
  /** The name of the vendor whose roots the reports lead to; null: signatures were not checked. */
  readonly verifiedBy: string | null;
  /** Milliseconds since 1970 UTC. */
  readonly now: number;
}

/**
 * One HTML page that needs nothing else: no script, no network, no font. Text from reports is escaped, and the page
 * forbids itself to load anything.
 */
export function usageHtml(page: UsagePage): string {
  const { usage, findings, now } = page;
  const title = titleOf(usage);
  const body = html`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${{ html: USAGE_STYLE }}</style>
</head>
<body>
<main>
<div class="top"><div><h1>${title}</h1><p class="soft">${periodText(usage)}</p></div>${verdict(page)}</div>
${tiles(usage)}
${findings.length === 0 ? html`` : html`<h2>To know</h2><div class="card"><ul class="findings">${findings.map(finding)}</ul></div>`}
<h2>Use by product and license</h2>
${usage.series.length === 0 ? html`<div class="card soft">Nothing was used in this period.</div>` : usage.series.slice(0, MAX_CARDS).map((one, index) => seriesCard(one, usage, index))}
${usage.series.length <= MAX_CARDS ? html`` : html`<p class="soft">And ${formatCount(usage.series.length - MAX_CARDS)} more; --json has all of them.</p>`}
<h2>Hosts and reports</h2>
<div class="card long">${hostsTable(usage.hosts)}</div>
${incidentsSection(usage.incidents)}
${guestsSection(usage)}
<footer>A guest counts from the approval that gives it a lease until its last lease ends. Days are UTC. Made on ${formatMinute(now)} by avma vendor report.</footer>
</main>
</body>
</html>
`;
  return body.html;
}

function titleOf({ hosts, series }: Usage): string {
  const customers = [...new Set(series.flatMap(({ license }) => license?.customer ?? []))];
  const [customer] = customers;
  if (customer !== undefined && customers.length === 1) return `Usage at ${customer}`;
  const [host] = hosts;
  return host !== undefined && hosts.length === 1
    ? `Usage on ${host.hostName}`
    : `Usage on ${counted(hosts.length, 'host')}`;
}

function periodText({ period }: Usage): string {
  return period === null ? 'No report' : `${formatMinute(period.from)} to ${formatMinute(period.to)}`;
}

function verdict({ findings, verifiedBy }: UsagePage): Html {
  if (findings.some(({ severity }) => severity === 'bad'))
    return html`<span class="pill bad">&#10007; Does not hold</span>`;
  if (verifiedBy === null) return html`<span class="pill warn">Signatures not checked</span>`;
  return html`<span class="pill good">&#10003; Signed by hosts of ${verifiedBy}</span>`;
}

function tiles({ hosts, series, guests, incidents }: Usage): Html {
  const days = series.flatMap((one) => one.days);
  const sum = (count: (day: SeriesDay) => number) => days.reduce((total, day) => total + count(day), 0);
  const reports = hosts.reduce((total, host) => total + host.reports.length, 0);
  const over = Math.max(0, ...series.map(({ daysOver }) => daysOver));
  const shown: [number, string, string][] = [
    [
      hosts.length,
      hosts.length === 1 ? `host, ${counted(reports, 'report')}` : `hosts, ${counted(reports, 'report')}`,
      '',
    ],
    [new Set(guests.map(({ guest }) => guest)).size, 'guests', ''],
    [sum(({ approved, attested }) => approved + attested), 'approvals', ''],
    [sum(({ refused }) => refused.reduce((total, { count }) => total + count, 0)), 'refusals', ''],
    [over, over === 1 ? 'day over a limit' : 'days over a limit', over === 0 ? '' : 'bad'],
    [
      incidents.length,
      incidents.length === 1 ? 'incident' : 'incidents',
      incidents.length === 0 ? '' : 'warn',
    ],
  ];
  return html`<div class="tiles">${shown.map(
    ([count, what, tone]) =>
      html`<div class="tile"><b class="${tone}">${formatCount(count)}</b><span>${what}</span></div>`,
  )}</div>`;
}

function finding({ severity, message, code }: Finding): Html {
  return html`<li class="${severity}">${sentence(message)} <span class="soft">[${code}]</span></li>`;
}

function sentence(message: string): string {
  return `${message.charAt(0).toUpperCase()}${message.slice(1)}.`;
}

function seriesCard(series: UsageSeries, { incidents }: Usage, index: number): Html {
  const { license, peak, days, daysOver } = series;
  const limit = license?.guests ?? null;
  const { columns, daysEach } = columnsOf(days);
  const each = daysEach === 1 ? 'each day' : `each ${daysEach} days`;
  const hasGaps = incidents.some(({ kind }) => kind === 'gap' || kind === 'ledger-break');
  const plots =
    peak === null
      ? html``
      : html`<h4>Guests at peak, ${each}</h4>${guestsPlot(columns, limit, incidents, { id: `over-${index}`, licenseEndsAt: license?.notAfter ?? null })}
<div class="legend"><span><i style="background:var(--blue)"></i>guests with a lease at one time</span>${
          daysOver === 0
            ? html``
            : html`<span><i style="background:var(--red-soft)"></i>over the limit</span>`
        }${hasGaps ? html`<span><i style="background:var(--shade)"></i>host stopped, or record broken</span>` : html``}</div>`;
  return html`<section class="card">
<header><div><h3>${productOf(series)}</h3><p class="soft">${licenseText(series)}</p></div>
<div class="figure"><b class="${daysOver > 0 ? 'bad' : ''}">${formatCount(peak?.guests ?? 0)}${limit === null ? html`` : html`<small> of ${formatCount(limit)}</small>`}</b>
<span>${peak === null ? 'no guest' : `guests at peak, on ${peak.date}`}</span></div></header>
${plots}
<h4>Approvals and refusals, ${each}</h4>${answersPlot(columns)}
<div class="legend"><span><i style="background:var(--blue)"></i>approved</span>${
    days.some(({ inGrace }) => inGrace > 0)
      ? html`<span><i style="background:var(--grace)"></i>approved in renewal grace</span>`
      : html``
  }<span><i style="background:var(--orange)"></i>refused</span></div>
<details><summary>Numbers of each day</summary>${daysTable(days)}</details>
</section>
`;
}

function productOf({ product, activationId, license }: UsageSeries): string {
  return license?.product.name ?? product ?? activationId ?? 'Products that the hosts do not know';
}

function licenseText({ licenseId, license, activationId }: UsageSeries): Html {
  if (activationId === null) return html`Requests that were refused`;
  if (licenseId === null) return html`<code>${activationId}</code>, without a license`;
  if (license === null) return html`License <code>${licenseId}</code>`;
  const limit = license.guests === null ? 'no limit' : counted(license.guests, 'guest');
  const then = license.overage === 'refuse-new' ? 'new guests refused over it' : 'reported over it';
  const terms = license.guests === null ? limit : `${limit}, ${then}`;
  const { customer, notAfter, graceUntil } = license;
  const grace = graceUntil > notAfter ? `, renewal grace until ${formatMinute(graceUntil)}` : '';
  return html`License <code>${licenseId}</code> of ${customer}: ${terms}<br>Until ${formatMinute(notAfter)}${grace}`;
}

function daysTable(days: readonly SeriesDay[]): Html {
  const used = days.filter(
    (day) => day.distinctGuests + day.approved + day.attested + day.refused.length > 0,
  );
  return html`<div class="scroll"><table><tr><th>Day</th><th class="n">Guests at peak</th><th class="n">Guests in all</th><th class="n">Approved</th><th class="n">Attested</th><th class="n">Over limit</th><th class="n">In grace</th><th>Refused</th></tr>
${used.map(
  (
    day,
  ) => html`<tr><td class="nowrap">${day.date}</td><td class="n">${formatCount(day.peakGuests)}</td><td class="n">${formatCount(day.distinctGuests)}</td><td class="n">${formatCount(day.approved)}</td><td class="n">${formatCount(day.attested)}</td><td class="n">${formatCount(day.overLimit)}</td><td class="n">${formatCount(day.inGrace)}</td><td>${day.refused.map(({ code, count }) => `${code} ${formatCount(count)}`).join(', ')}</td></tr>
`,
)}</table></div>${used.length <= MAX_DAYS ? html`` : html`<p class="soft">The last ${formatCount(MAX_DAYS)} days; --csv has all of them.</p>`}`;
}

function hostsTable(hosts: readonly HostReports[]): Html {
  return html`<div class="scroll"><table><tr><th>Host</th><th>Certificate</th><th>Report for</th><th>Name of the report</th><th class="n">Lines of the ledger</th></tr>
${hosts.flatMap(({ hostName, hardwareId, reports }) =>
  reports.map(
    ({ report, digest, certificate }, index) => html`<tr>
<td class="nowrap">${index === 0 ? html`<b>${hostName}</b><br><code>${hardwareId}</code>` : html``}</td>
<td class="nowrap">${index > 0 ? html`` : certificate === null ? html`<span class="soft">not checked</span>` : html`<code>${certificate.serial}</code><br>until ${formatMinute(certificate.notAfter)}`}</td>
<td class="nowrap">${formatMinute(report.period.from)}<br>to ${formatMinute(report.period.to)}</td>
<td><code>${digest.slice(0, 16)}</code><br><span class="soft">${report.previous === null ? 'the first' : html`after <code>${report.previous.slice(0, 16)}</code>`}</span></td>
<td class="n">${formatCount(report.ledger.count)}</td></tr>
`,
  ),
)}</table></div>`;
}

function incidentsSection(incidents: Usage['incidents']): Html {
  if (incidents.length === 0) return html``;
  return html`<h2>Incidents</h2><div class="card long"><div class="scroll"><table><tr><th>From</th><th>Host</th><th>Kind</th><th>What</th></tr>
${incidents.slice(0, MAX_ROWS).map(
  ({ from, hostName, kind, detail }) =>
    html`<tr><td class="nowrap">${formatMinute(from)}</td><td class="nowrap">${hostName}</td><td class="nowrap ${kind === 'ledger-break' ? 'bad' : ''}">${kind}</td><td>${detail}</td></tr>
`,
)}</table></div>${more(incidents.length)}</div>`;
}

function guestsSection({ guests, series }: Usage): Html {
  if (guests.length === 0) return html``;
  const named = guests.some(({ vmId }) => vmId !== null);
  const products = new Map(series.map((one) => [one.activationId, productOf(one)]));
  const row = ({
    guest,
    vmId,
    activationId,
    hosts,
    from,
    until,
  }: UsedGuest) => html`<tr><td><code>${guest}</code></td>${
    named ? html`<td><code>${vmId ?? ''}</code></td>` : html``
  }<td>${products.get(activationId) ?? activationId}</td><td>${hosts.join(', ')}</td><td class="nowrap">${formatDay(from)}</td><td class="nowrap">${formatDay(until)}</td></tr>
`;
  return html`<h2>Guests</h2><div class="card long"><p class="soft">${
    named
      ? 'With the VM IDs that the hosts named.'
      : 'Under pseudonyms: the same guest has the same one in all reports with one site key.'
  }</p><details><summary>${counted(guests.length, 'entry', 'entries')}</summary><div class="scroll"><table><tr><th>Guest</th>${
    named ? html`<th>VM ID</th>` : html``
  }<th>Product</th><th>Hosts</th><th>First lease</th><th>Last lease ends</th></tr>
${guests.slice(0, MAX_ROWS).map(row)}</table></div></details>${more(guests.length)}</div>`;
}

function more(count: number): Html {
  return count <= MAX_ROWS
    ? html``
    : html`<p class="soft">And ${formatCount(count - MAX_ROWS)} more; --json has all of them.</p>`;
}
