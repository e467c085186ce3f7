import { type Restart, type RestartFigures, simulateRestart } from '../test/load/restart-simulation.ts';

const SECOND = 1000;

/** A thousand hosts with fifty guests each, all without a license, when power comes back. */
const POWER_IS_BACK: Restart = {
  hosts: 1000,
  guestsPerHost: 50,
  sharedSocket: false,
  hostUp: [30 * SECOND, 90 * SECOND],
  guestUp: [20 * SECOND, 120 * SECOND],
  hostMs: 0.5,
  sharedLedgerPerSecond: null,
  seed: 1,
};

/** The restarts of docs/scale.md. */
const RESTARTS: readonly { readonly what: string; readonly restart: Restart }[] = [
  { what: 'each host has its own ledger', restart: POWER_IS_BACK },
  {
    what: 'all on one PostgreSQL that takes 1,000 approvals a second',
    restart: { ...POWER_IS_BACK, sharedLedgerPerSecond: 1000 },
  },
  {
    what: 'all on one PostgreSQL that takes 250 approvals a second',
    restart: { ...POWER_IS_BACK, sharedLedgerPerSecond: 250 },
  },
  {
    what: 'guests that are all up before any host is',
    restart: { ...POWER_IS_BACK, guestUp: [0, 10 * SECOND], hostUp: [240 * SECOND, 300 * SECOND] },
  },
  {
    what: '50 hosts of 1,000 guests, each host with one shared socket',
    restart: { ...POWER_IS_BACK, hosts: 50, guestsPerHost: 1000, sharedSocket: true },
  },
];

/** The table of restarts. */
export function restartTable(): string {
  const rows = RESTARTS.map(({ what, restart }) => {
    const figures = simulateRestart(restart);
    const { half, most, all } = figures.licensedAfter;
    const cells = [
      ...[what, figures.requests, figures.peakPerSecond, figures.unheard, figures.throttled, figures.late],
      ...[half, most, all].map(durationText),
    ];
    return `| ${cells.map((cell) => (typeof cell === 'number' ? cell.toLocaleString('en') : cell)).join(' | ')} |\n`;
  });
  const head =
    '| 50,000 guests | requests | in the busiest second | no host yet | throttled | answered too late | half licensed | 99 % | all |\n' +
    `|${' --- |'.repeat(9)}\n`;
  return head + rows.join('');
}

/** Requests over time at all hosts together, a line of text each ten seconds. */
export function restartOverTime(): string {
  const { perTenSeconds } = simulateRestart(POWER_IS_BACK);
  const most = Math.max(...perTenSeconds);
  const lines = perTenSeconds.map((count, nth) => {
    const bar = '#'.repeat(Math.round((count / most) * 50));
    return `${durationText(nth * 10).padStart(7)}  ${String(Math.round(count / 10)).padStart(4)} a second  ${bar}`;
  });
  const shown = lastBusy(perTenSeconds);
  return `\`\`\`text\n${lines
    .slice(0, shown)
    .map((line) => line.trimEnd())
    .join('\n')}\n\`\`\`\n`;
}

/** How many spans there are up to the last with a twentieth of the busiest one. */
function lastBusy(counts: RestartFigures['perTenSeconds']): number {
  const most = Math.max(...counts);
  return counts.findLastIndex((count) => count > most / 20) + 1;
}

function durationText(seconds: number): string {
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}
