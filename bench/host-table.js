// The table of what the host bears: all rows in one run, with their targets.
import { checkOutBaseline } from './baseline.js';
import { fillLedger } from './fill-ledger.js';
import {
  bootRow,
  channelSockets,
  floodRow,
  memoryRow,
  newGuestsRow,
  renewalRows,
  startRow,
  takeOverRow,
} from './host-rows.js';
import { certifyHost, commitOf, serveHost } from './installation.js';

const STARTS = 3;
const CHANNELS = 1000;

/**
 * Measures and prints, row by row.
 *
 * @param root this checkout, built.
 * @param against a built checkout of the commit before; undefined: the baseline, made for the run.
 * @param scale by how much shorter than the full run, from 0 to 1.
 */
export async function reportHosts({ root, against, scale }) {
  const made = against === undefined ? checkOutBaseline(root) : null;
  const beforeRoot = against ?? made?.folder ?? null;
  console.log(
    `host, before: ${beforeRoot === null ? 'no such commit here' : commitOf(beforeRoot)}, now: ${commitOf(root)}, ${scale === 1 ? 'full size' : `${scale} of the full size`}`,
  );
  try {
    await withHost(root, ['h.sock'], async (now) => {
      const rows = (before) => renewalRows({ before, now }, scale).then(printRows);
      if (beforeRoot === null) await rows(null);
      else await withHost(beforeRoot, ['h.sock'], rows);
    });
    await withHost(root, ['1.sock', '2.sock', '3.sock'], (host) => print(floodRow(host, scale)));
    await withHost(root, ['h.sock'], (host) => print(bootRow(host, scale)));
    const channels = Math.max(10, Math.round(CHANNELS * scale));
    await withHost(
      root,
      (host) => channelSockets(host, channels),
      (host) => print(memoryRow(host, channels, scale)),
    );
    await bigLedgerRows(root, scale);
  } finally {
    made?.remove();
  }
}

/** The rows that need a ledger of a million entries: made once for both. */
async function bigLedgerRows(root, scale) {
  const entries = Math.round(1_000_000 * scale);
  const certified = certifyHost(root);
  try {
    await fillLedger(certified, entries);
    const first = await serveHost(certified);
    await first.stop();
    printRow(takeOverRow(first.startMs, entries));
    const times = [];
    for (let nth = 0; nth < STARTS; nth++) {
      const host = await serveHost(certified);
      times.push(host.startMs);
      await host.stop();
    }
    printRow(startRow(times, entries));
    const many = await serveHost(certified);
    try {
      await withHost(root, ['h.sock'], (few) =>
        print(newGuestsRow(few, { ...certified, pid: many.pid }, entries, scale)),
      );
    } finally {
      await many.stop();
    }
  } finally {
    certified.remove();
  }
}

/** A certified host of a checkout that serves while `work` lasts. */
async function withHost(root, sockets, work) {
  const certified = certifyHost(root);
  try {
    const named = typeof sockets === 'function' ? sockets(certified) : sockets;
    const host = await serveHost(certified, named);
    try {
      await work({ ...certified, pid: host.pid });
    } finally {
      await host.stop();
    }
  } finally {
    certified.remove();
  }
}

/** The rows that were printed, as the README has them. */
export function rowsInMarkdown() {
  const rows = printed.map(({ what, target, found, met }) => {
    const judged = target === null ? '' : `${target}: ${met ? 'met' : 'not met'}`;
    return `| ${what} | ${found} | ${judged} |`;
  });
  return ['| what | measured | to reach |', '| --- | --- | --- |', ...rows].join('\n');
}

async function print(row) {
  printRow(await row);
}

function printRows(rows) {
  for (const row of rows) printRow(row);
}

const printed = [];

function printRow({ what, target, found, met }) {
  printed.push({ what, target, found, met });
  const judged = target === null ? '' : ` | ${target}: ${met ? 'met' : 'NOT MET'}`;
  console.log(`${what.padEnd(58)} ${found}${judged}`);
}
